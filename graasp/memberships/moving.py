"""What becomes of memberships when a tree moves. The item domain calls this in the transaction of the move.

Under a folder that knows an account, the account keeps the higher of what it has there and what it had before; under
one that does not, what was inherited from the old parent is lost. At the root nobody loses anything.
"""

from collections.abc import Sequence
from uuid import UUID

from graasp.memberships import queries
from graasp.platform import UnitOfWork


async def lock_memberships(uow: UnitOfWork, paths: Sequence[str]) -> None:
    """Keep the memberships of these trees as they are until the unit of work ends.

    To be called with the paths of everything that moves and of the destination, before any item is locked or changed:
    whoever gives a membership waits for the item's row with this lock in hand.
    """
    await uow.execute(queries.LOCK_TREES, paths=list(paths))


async def move_memberships(
    uow: UnitOfWork, item_paths: Sequence[str], destination: str | None, *, mover_id: UUID
) -> None:
    """Prepare memberships for a move of items under `destination`, or to the root when there is none.

    To be called before the paths change, with the trees locked. None of the items lies within another. Two
    statements, whatever the number of items and accounts.
    """
    paths = list(item_paths)
    if destination is None:
        await uow.execute(queries.CARRY_TO_ROOT, item_paths=paths, mover_id=mover_id)
    else:
        await uow.execute(queries.CARRY_INTO_FOLDER, item_paths=paths, path=destination)
    await uow.execute(queries.DROP_REDUNDANT, item_paths=paths, path=destination)
