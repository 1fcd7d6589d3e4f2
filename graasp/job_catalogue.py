"""Every job of the product, in one place, and the queues they wait in."""

from typing import Any

from graasp.accounts.jobs import DELETE_ACCOUNT_FILES
from graasp.actions.jobs import EXPORT_ACTIONS
from graasp.auth.jobs import REQUEST_PASSWORD_RESET
from graasp.data_export.jobs import EXPORT_MEMBER_DATA
from graasp.exports.jobs import EXPORT_FOLDER
from graasp.files.jobs import DECODE_FILE
from graasp.housekeeping.jobs import CLEAN_UP
from graasp.jobs.spec import JobSpec
from graasp.mail.jobs import SEND_BULK_MAIL, SEND_MAIL

JOBS: tuple[JobSpec[Any], ...] = (
    REQUEST_PASSWORD_RESET,
    SEND_MAIL,
    SEND_BULK_MAIL,
    EXPORT_ACTIONS,
    EXPORT_FOLDER,
    DECODE_FILE,
    EXPORT_MEMBER_DATA,
    DELETE_ACCOUNT_FILES,
    CLEAN_UP,
)

# Short jobs never wait behind long ones: they have processes that take nothing else, from each in turn.
SHORT_QUEUES = ("mail", "bulk-mail")
HEAVY_QUEUES = ("item-export", "action-export", "search-index", "item-thumbnails", "scheduled-jobs")
