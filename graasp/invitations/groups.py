"""One copy of a template for each group of a class, shared with the people of the group."""

from collections.abc import Mapping, Sequence

from graasp.auth.gates import Caller
from graasp.invitations.errors import StructureInNonFolder
from graasp.invitations.service import Invitee, Shared, share_with
from graasp.items.copying import SourceTree, copy_trees
from graasp.memberships.authorization import Access
from graasp.platform import UnitOfWork


def require_folder(target: Access) -> None:
    """Raises StructureInNonFolder: copies have to be put into a folder."""
    if target.item["type"] != "folder":
        raise StructureInNonFolder


async def share_copies(
    uow: UnitOfWork,
    caller: Caller,
    target: Access,
    template: SourceTree,
    groups: Mapping[str, Sequence[Invitee]],
) -> dict[str, Shared]:
    """Copy the template once per group, under the group's name, and share the copy; all groups or none.

    The copies take the same few statements whatever their number; sharing takes a few more per group that has
    members already. Call it before anything else in the unit of work. Raises what `copy_trees` and `share_with` raise.
    """
    copies = await copy_trees(uow, caller, [template] * len(groups), target, names=list(groups))
    shared = await share_with(uow, caller, list(zip(copies, groups.values(), strict=True)))
    return dict(zip(groups, shared, strict=True))
