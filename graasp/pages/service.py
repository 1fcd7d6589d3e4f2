"""The content of pages."""

from collections.abc import Sequence
from uuid import UUID

from graasp.pages import queries
from graasp.platform import UnitOfWork


async def copy_pages(uow: UnitOfWork, copies: Sequence[tuple[UUID, UUID]]) -> None:
    """Give copied pages, as `(copy, original)`, the content of the originals; one statement."""
    if copies:
        await uow.execute(
            queries.COPY_UPDATES,
            ids=[copy for copy, _ in copies],
            source_ids=[source for _, source in copies],
        )
