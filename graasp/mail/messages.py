"""Every mail the product sends: whom it is for, what it says, where its button leads."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

Kind = Literal["sign_up", "sign_in", "reset_password", "item_shared", "actions_exported", "folder_exported"]


class Mail(BaseModel):
    """One mail to one person; also the payload of its job."""

    kind: Kind
    recipient: str
    lang: str
    link: str
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
