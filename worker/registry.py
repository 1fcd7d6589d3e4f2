"""Which function handles which job."""

from collections.abc import Awaitable, Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec
from graasp.platform import UnitOfWork
from graasp.quick_imports import quick_imports

if TYPE_CHECKING:
    from worker.execution import RunningJob

P = TypeVar("P", bound=BaseModel)
Handler = Callable[["RunningJob", Any], Coroutine[Any, Any, None]]
FailureHandler = Callable[[UnitOfWork, Any, BaseException], Awaitable[None]]

HANDLER_MODULES = (
    "worker.handlers.mail",
    "worker.handlers.action_export",
    "worker.handlers.folder_export",
    "worker.handlers.files",
    "worker.handlers.archive_import",
    "worker.handlers.member_data_export",
    "worker.handlers.password_reset",
    "worker.handlers.deleted_account",
    "worker.handlers.item_trees",
    "worker.handlers.deletions",
    "worker.handlers.recycle_bin",
    "worker.handlers.housekeeping",
    "worker.handlers.smoke_test",
)


class Registration(NamedTuple):
    spec: JobSpec[Any]
    handler: Handler


_handlers: dict[str, Registration] = {}
_failure_handlers: dict[str, FailureHandler] = {}


def handles(spec: JobSpec[P]) -> Callable[[Handler], Handler]:
    """Register the decorated coroutine function for the jobs of a spec."""

    def register(handler: Handler) -> Handler:
        _handlers[spec.name] = Registration(spec, handler)
        return handler

    return register


def on_final_failure(spec: JobSpec[P]) -> Callable[[FailureHandler], FailureHandler]:
    """Register what happens, in the transaction that marks it, when a job has failed for good."""

    def register(handler: FailureHandler) -> FailureHandler:
        _failure_handlers[spec.name] = handler
        return handler

    return register


def load_handlers(extra_modules: tuple[str, ...] = ()) -> None:
    """Import the modules that register handlers."""
    with quick_imports():
        for module in (*HANDLER_MODULES, *extra_modules):
            import_module(module)


def find_handler(job_name: str) -> Registration | None:
    return _handlers.get(job_name)


def find_failure_handler(job_name: str) -> FailureHandler | None:
    return _failure_handlers.get(job_name)
