"""What imports ask of whoever keeps interactive packages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from graasp.auth.gates import Caller
from graasp.platform import Platform


class StoredPackage(NamedTuple):
    """A package whose bytes are stored: the `extra` of its item, and how to take it out of storage again."""

    extra: Mapping[str, Any]
    discard: Callable[[], Awaitable[None]]


class PackageStore(Protocol):
    """Checks and stores packages. Raises DomainError or FormattedError; then nothing is left in storage."""

    async def __call__(
        self, platform: Platform, caller: Caller, name: str, chunks: AsyncIterator[bytes]
    ) -> StoredPackage: ...
