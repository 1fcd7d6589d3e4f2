"""Many objects copied at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from graasp.storage.protocol import FileStorage, InvalidKey, StoredFileNotFound

log = structlog.get_logger(__name__)

_AT_ONCE = 8


class ObjectCopy(NamedTuple):
    """One object to copy; the failure of an optional one is logged, never raised."""

    source: str
    target: str
    metadata: Mapping[str, str]
    is_optional: bool = False


async def copy_objects(storage: FileStorage, copies: Sequence[ObjectCopy]) -> None:
    """Copy them all, a few at a time; an object that storage has lost stays lost in the copy too.

    Raises an ExceptionGroup of what storage raised.
    """
    pending = iter(copies)

    async def work() -> None:
        for copy in pending:
            try:
                await storage.copy(copy.source, copy.target, metadata=copy.metadata)
            except (StoredFileNotFound, InvalidKey):
                log.info("nothing to copy", key=copy.source)
            except Exception:
                if not copy.is_optional:
                    raise
                log.warning("not copied", key=copy.source, exc_info=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(copies))):
            group.create_task(work())
