"""Every job of the product, in one place, and the queues they wait in."""

from typing import Any

from graasp.actions.jobs import EXPORT_ACTIONS
from graasp.exports.jobs import EXPORT_FOLDER
from graasp.files.jobs import DECODE_FILE
from graasp.housekeeping.jobs import CLEAN_UP
from graasp.jobs.spec import JobSpec
from graasp.mail.jobs import SEND_BULK_MAIL, SEND_MAIL

JOBS: tuple[JobSpec[Any], ...] = (
    SEND_MAIL,
    SEND_BULK_MAIL,
    EXPORT_ACTIONS,
    EXPORT_FOLDER,
    DECODE_FILE,
    CLEAN_UP,
)

# Short jobs never wait behind long ones: they have processes that take nothing else, from each in turn.
SHORT_QUEUES = ("mail", "bulk-mail")
HEAVY_QUEUES = ("item-export", "action-export", "search-index", "item-thumbnails", "scheduled-jobs")
