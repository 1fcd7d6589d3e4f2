"""Refusals that trying again would not change."""

from collections.abc import Iterator
from contextlib import contextmanager

from graasp.jobs.spec import PermanentError


@contextmanager
def permanent(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into the end of the job; the error itself stays its cause."""
    try:
        yield
    except errors as error:
        raise PermanentError(str(error)) from error
