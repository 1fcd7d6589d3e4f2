"""Every mail the product sends: whom it is for, what it says, where its button leads."""

from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "sign_up",
    "sign_in",
    "reset_password",
    "confirm_email_change",
    "email_changed",
    "mentioned",
    "invitation",
    "item_shared",
    "access_requested",
    "item_published",
    "actions_exported",
    "folder_exported",
    "data_exported",
]


class Mail(BaseModel):
    """One mail to one person; also the payload of its job. Without a link there is no button."""

    # Errors are logged, and links carry sign-in tokens.
    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Kind
    recipient: str
    lang: str
    link: str | None
    variables: dict[str, str] = {}
    # Small print: the user agreement, and that one may ignore a mail one did not ask for.
    agreement: bool = False
    ignorable: bool = False


def sign_up(*, recipient: str, lang: str, link: str) -> Mail:
    return Mail(kind="sign_up", recipient=recipient, lang=lang, link=link, agreement=True, ignorable=True)


def sign_in(*, recipient: str, lang: str, link: str) -> Mail:
    return Mail(kind="sign_in", recipient=recipient, lang=lang, link=link, ignorable=True)


def reset_password(*, recipient: str, lang: str, link: str) -> Mail:
    return Mail(kind="reset_password", recipient=recipient, lang=lang, link=link, ignorable=True)


def confirm_email_change(*, recipient: str, lang: str, link: str) -> Mail:
    """To the new address: it becomes the account's when the link is followed."""
    return Mail(kind="confirm_email_change", recipient=recipient, lang=lang, link=link, ignorable=True)


def email_changed(*, recipient: str, lang: str, new_email: str) -> Mail:
    """To the old address, so that nobody loses an account unnoticed."""
    return Mail(
        kind="email_changed", recipient=recipient, lang=lang, link=None, variables={"new_email": new_email}
    )


def mentioned(
    *, recipient: str, lang: str, creator_name: str, item_name: str, item_id: UUID, client_host: str
) -> Mail:
    return Mail(
        kind="mentioned",
        recipient=recipient,
        lang=lang,
        link=f"{client_host}/builder/items/{item_id}?chatOpen=true",
        variables={"creator": creator_name, "item": item_name},
    )


def invitation(
    *,
    recipient: str,
    lang: str,
    creator_name: str,
    item_name: str,
    item_id: UUID,
    invitation_id: UUID,
    client_host: str,
) -> Mail:
    """To an address without an account: it registers first, and then reads the item."""
    item_url = f"{client_host}/player/{item_id}/{item_id}"
    query = urlencode({"invitationId": invitation_id, "url": item_url})
    return Mail(
        kind="invitation",
        recipient=recipient,
        lang=lang,
        link=f"{client_host}/auth/register?{query}",
        variables={"creator": creator_name, "item": item_name},
        agreement=True,
    )


def item_shared(
    *, recipient: str, lang: str, creator_name: str, item_name: str, item_id: UUID, client_host: str
) -> Mail:
    return Mail(
        kind="item_shared",
        recipient=recipient,
        lang=lang,
        link=f"{client_host}/player/{item_id}/{item_id}",
        variables={"creator": creator_name, "item": item_name},
    )


def access_requested(
    *, recipient: str, lang: str, member_name: str, item_name: str, item_id: UUID, client_host: str
) -> Mail:
    """To an admin of the item, who can answer the request."""
    return Mail(
        kind="access_requested",
        recipient=recipient,
        lang=lang,
        link=f"{client_host}/builder/items/{item_id}/share",
        variables={"member": member_name, "item": item_name},
    )


def item_published(*, recipient: str, lang: str, item_name: str, item_id: UUID, library_host: str) -> Mail:
    """To the other admins of a published item."""
    return Mail(
        kind="item_published",
        recipient=recipient,
        lang=lang,
        link=f"{library_host}/collections/{item_id}",
        variables={"item": item_name},
    )


def actions_exported(
    *, recipient: str, lang: str, link: str, item_name: str, export_format: str, days: int
) -> Mail:
    return Mail(
        kind="actions_exported",
        recipient=recipient,
        lang=lang,
        link=link,
        variables={"item": item_name, "format": export_format, "days": str(days)},
    )


def folder_exported(*, recipient: str, lang: str, link: str, item_name: str, days: int) -> Mail:
    return Mail(
        kind="folder_exported",
        recipient=recipient,
        lang=lang,
        link=link,
        variables={"item": item_name, "days": str(days)},
    )


def data_exported(*, recipient: str, lang: str, link: str, days: int) -> Mail:
    return Mail(
        kind="data_exported", recipient=recipient, lang=lang, link=link, variables={"days": str(days)}
    )
