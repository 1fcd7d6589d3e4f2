"""Who may call: the dependencies that turn a session cookie into a caller, or into a refusal.

A gate never raises by itself: the refusal is raised by the route once the request is known to be valid.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from graasp.auth import queries
from graasp.auth.errors import InsufficientPermission, NotAMember, NotValidatedMember
from graasp.db.database import Reader
from graasp.http.errors import Unauthorized
from graasp.http.routing import Refusal
from graasp.http.session_cookie import COOKIE, Session, SessionCodec

SMOKE_TEST_ACCOUNT = UUID("00000000-0000-4000-8000-5a0e7e575a0e")


@dataclass(frozen=True)
class Caller:
    """The account of a request, read anew each time: renames, validation and deletion are effective at once."""

    id: UUID
    name: str
    type: Literal["individual", "guest"]
    is_validated: bool
    lang: str
    saves_actions: bool

    @property
    def is_member(self) -> bool:
        return self.type == "individual"

    @property
    def identity(self) -> dict[str, Any]:
        """What a refusal tells callers of themselves."""
        identity = {"id": str(self.id), "name": self.name, "type": self.type}
        return identity | {"isValidated": self.is_validated} if self.is_member else identity

    @property
    def is_validated_member(self) -> bool:
        return self.is_member and self.is_validated


async def find_caller(reader: Reader, session: Session | None) -> Caller | None:
    """The account of a session that is neither revoked nor orphaned."""
    if session is None:
        return None
    row = await reader.first(
        queries.CALLER,
        account_id=session.account_id,
        session_id=session.revocation_id,
        issued_at=session.issued_at,
    )
    return None if row is None else Caller(**row)


async def find_account(reader: Reader, account_id: UUID) -> Caller | None:
    """An account in whose name something is done later, whatever has become of its session."""
    row = await reader.first(queries.ACCOUNT, account_id=account_id)
    return None if row is None else Caller(**row)


def read_session(connection: HTTPConnection) -> Session | None:
    """The session of the request's cookie, if there is one that is good for this request."""
    value = connection.cookies.get(COOKIE)
    codec: SessionCodec = connection.app.state.session_codec
    session = codec.read(value) if value else None
    return None if session and not _is_good_for(session, connection) else session


def _is_good_for(session: Session, connection: HTTPConnection) -> bool:
    """The account of the smoke tests asks who it is, and is signed in nowhere else."""
    if session.account_id != SMOKE_TEST_ACCOUNT:
        return True
    return connection.scope.get("method") == "GET" and connection.scope["path"] == "/api/members/current"


def send_session(connection: HTTPConnection, session: Session) -> None:
    """Answer with this session; it replaces the request's own."""
    codec: SessionCodec = connection.app.state.session_codec
    connection.state.session_cookie = codec.set_cookie(session)


def open_session(connection: HTTPConnection, account_id: UUID) -> Session:
    """Answer with a new session for this account; it replaces the request's own."""
    session = Session.start(account_id)
    send_session(connection, session)
    return session


def end_session(connection: HTTPConnection) -> None:
    """Answer with an expired session cookie."""
    codec: SessionCodec = connection.app.state.session_codec
    connection.state.session_cookie = codec.clear_cookie()


async def optional_caller(connection: HTTPConnection) -> Caller | None:
    session = read_session(connection)
    return await find_caller(connection.app.state.platform.reads, session) if session else None


async def signed_in(connection: HTTPConnection) -> Caller | Refusal:
    session = read_session(connection)
    caller = await find_caller(connection.app.state.platform.reads, session) if session else None
    if session is None or caller is None:
        if session is not None:
            end_session(connection)
        return Refusal(Unauthorized())
    send_session(connection, session.renewed())
    return caller


async def member(caller: Annotated[Caller | Refusal, Depends(signed_in)]) -> Caller | Refusal:
    return caller if isinstance(caller, Refusal) or caller.is_member else Refusal(NotAMember())


async def validated_member(caller: Annotated[Caller | Refusal, Depends(signed_in)]) -> Caller | Refusal:
    allowed = isinstance(caller, Refusal) or caller.is_validated_member
    return caller if allowed else Refusal(NotValidatedMember())


async def validated_member_or_guest(
    caller: Annotated[Caller | Refusal, Depends(signed_in)],
) -> Caller | Refusal:
    allowed = isinstance(caller, Refusal) or not caller.is_member or caller.is_validated
    return caller if allowed else Refusal(InsufficientPermission())


OptionalCaller = Annotated[Caller | None, Depends(optional_caller)]
SignedIn = Annotated[Caller, Depends(signed_in)]
Member = Annotated[Caller, Depends(member)]
ValidatedMember = Annotated[Caller, Depends(validated_member)]
ValidatedMemberOrGuest = Annotated[Caller, Depends(validated_member_or_guest)]
