"""Who calls: every kind of account there is, and how mails sign people in."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from uuid import UUID, uuid4

import bcrypt
import httpx

from graasp.auth.tables import member_password
from tests.factories import Factory, Row

Cookie = Callable[[UUID], dict[str, str]]
Headers = dict[str, str]

PASSWORD = "Correct-horse-1"

UNAUTHORIZED = (401, None)
NOT_A_MEMBER = (403, "GMERR003")
NOT_VALIDATED = (403, "GMERR002")


async def every_caller(factory: Factory, cookie_for: Cookie) -> dict[str, Headers]:
    """The headers of one of each kind."""
    guest = await factory.guest((await factory.item())["path"])
    return {
        "anonymous": {},
        "unreadable cookie": {"Cookie": "session=nonsense"},
        "deleted account": cookie_for(uuid4()),
        "guest": cookie_for(guest["id"]),
        "unvalidated member": cookie_for((await factory.member(is_validated=False))["id"]),
        "member": cookie_for((await factory.member())["id"]),
    }


async def with_password(factory: Factory, **columns: object) -> Row:
    """A member that signs in with PASSWORD."""
    member = await factory.member(**columns)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await factory.insert(member_password, member_id=member["id"], password=hashed)
    return member


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def link_in(mail: EmailMessage) -> str:
    """Where the mail's button leads."""
    found = re.search(r"^http\S+", text_of(mail), re.MULTILINE)
    assert found
    return found[0]


def session_of(answer: httpx.Response) -> Headers:
    """Headers that go on with the session that an answer opened."""
    value = re.match(r"session=([^;]+);", answer.headers["set-cookie"])
    assert value
    return {"Cookie": f"session={value[1]}"}


async def is_signed_in(client: httpx.AsyncClient, headers: Headers) -> bool:
    return (await client.get("/api/members/current", headers=headers)).status_code == 200


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and code of an answer; no code where none is sent."""
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    body = answer.json() if is_json else None
    return answer.status_code, body.get("code") if isinstance(body, dict) else None
