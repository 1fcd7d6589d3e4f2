"""Every job of the product, in one place, and the queues they wait in."""

from typing import Any

from graasp.accounts.jobs import DELETE_ACCOUNT_FILES
from graasp.actions.jobs import EXPORT_ACTIONS
from graasp.auth.jobs import REQUEST_PASSWORD_RESET
from graasp.data_export.jobs import EXPORT_MEMBER_DATA
from graasp.deployment.jobs import SMOKE_TEST
from graasp.exports.jobs import EXPORT_FOLDER
from graasp.files.jobs import DECODE_FILE
from graasp.housekeeping.jobs import CLEAN_UP, SWEEP_STORAGE
from graasp.imports.jobs import IMPORT_ARCHIVE
from graasp.items.trees.jobs import COPY_ITEMS, DELETE_ITEMS, FINISH_DELETION, MOVE_ITEMS, REMOVE_LEFTOVERS
from graasp.jobs.spec import JobSpec
from graasp.mail.jobs import SEND_BULK_MAIL, SEND_MAIL
from graasp.recycle_bin.jobs import PURGE, RECYCLE_ITEMS, RESTORE_ITEMS

JOBS: tuple[JobSpec[Any], ...] = (
    REQUEST_PASSWORD_RESET,
    SEND_MAIL,
    SEND_BULK_MAIL,
    EXPORT_ACTIONS,
    EXPORT_FOLDER,
    DECODE_FILE,
    IMPORT_ARCHIVE,
    EXPORT_MEMBER_DATA,
    DELETE_ACCOUNT_FILES,
    MOVE_ITEMS,
    COPY_ITEMS,
    DELETE_ITEMS,
    RECYCLE_ITEMS,
    RESTORE_ITEMS,
    FINISH_DELETION,
    REMOVE_LEFTOVERS,
    PURGE,
    CLEAN_UP,
    SMOKE_TEST,
    SWEEP_STORAGE,
)

# Short jobs never wait behind long ones: each group has processes that take nothing else, from each queue in turn.
# Somebody watches what happens to a tree; large ones may be taken by the other processes as well.
SHORT_QUEUES = (("mail", "bulk-mail"), ("item-tree",))
HEAVY_QUEUES = (
    "item-tree",
    "item-export",
    "item-import",
    "action-export",
    "search-index",
    "item-thumbnails",
    "scheduled-jobs",
)
ALL_QUEUES = tuple(dict.fromkeys((*(queue for group in SHORT_QUEUES for queue in group), *HEAVY_QUEUES)))
