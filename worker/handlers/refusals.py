"""Refusals that trying again would not change."""

from collections.abc import Iterator
from contextlib import contextmanager

from graasp.http.errors import ServiceUnavailable
from graasp.jobs.spec import PermanentError


@contextmanager
def permanent(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into the end of the job; the error itself stays its cause.

    What says that it is only for the moment is no refusal.
    """
    try:
        yield
    except ServiceUnavailable:
        raise
    except errors as error:
        raise PermanentError(str(error)) from error
