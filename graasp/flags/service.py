"""The rules of flags: whoever can read an item can say what is wrong with it, once per reason."""

from typing import Literal
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.flags import queries
from graasp.memberships.authorization import authorize
from graasp.platform import UnitOfWork

FlagType = Literal[
    "inappropriate-content",
    "hate-speech",
    "fraud-plagiarism",
    "spam",
    "targeted-harassment",
    "false-information",
]


async def flag(uow: UnitOfWork, caller: Caller, item_id: UUID, kind: FlagType) -> None:
    """Flag an item. Raises ItemNotFound and the permission errors."""
    await authorize(uow, caller.id, item_id)
    await uow.execute(queries.FLAG, type=kind, creator_id=caller.id, item_id=item_id)
