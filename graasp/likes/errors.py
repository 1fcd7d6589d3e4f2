"""Errors of likes."""

from uuid import UUID

from graasp.http.errors import FormattedError


class ItemLikeNotFound(FormattedError):
    code = "GPILERR001"
    status = 404
    message = "Item Like not found"

    def __init__(self, creator_id: UUID, item_id: UUID) -> None:
        super().__init__(f"{{ creatorId: '{creator_id}', itemId: '{item_id}' }}")
