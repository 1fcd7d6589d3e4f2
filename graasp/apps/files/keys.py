"""Where the files of apps are stored.

A key is made of ids. What a row says of itself, in `data.file.path`, is believed only when it is the key of the row's own
file, or that of another setting of the same creator: servers before this one let the copies of a setting share its file.
"""

from enum import StrEnum
from uuid import UUID

_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PATH = "{row}.data #>> '{{file,path}}'"
_DATA_PATH, _SETTING_PATH = _PATH.format(row="d"), _PATH.format(row="s")

# The key of the file of `app_data d`; null where it has none.
DATA_FILE_KEY = f"case when {_DATA_PATH} = 'apps/app-data/' || d.item_id || '/' || d.id then {_DATA_PATH} end"
# The same of `app_setting s`. The outer case keeps what is no id from being read as one.
SETTING_FILE_KEY = f"""
    case when {_SETTING_PATH} = 'apps/app-setting/' || s.item_id || '/' || s.id then {_SETTING_PATH}
    when {_SETTING_PATH} ~ '^apps/app-setting/{_ID}/{_ID}$' then
        case when not exists (
            select from app_setting original
            where original.id = cast(split_part({_SETTING_PATH}, '/', 4) as uuid)
                and original.creator_id is distinct from s.creator_id
        ) then {_SETTING_PATH} end
    end
"""


class Area(StrEnum):
    """What a file belongs to."""

    DATA = "app-data"
    SETTINGS = "app-setting"


def file_key(area: Area, item_id: UUID, row_id: UUID) -> str:
    return f"{folder_of(area, item_id)}/{row_id}"


def folder_of(area: Area, item_id: UUID) -> str:
    """What the keys of all files of an app begin with."""
    return f"apps/{area}/{item_id}"
