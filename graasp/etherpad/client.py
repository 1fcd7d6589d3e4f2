"""The HTTP API of the Etherpad server, version 1.2.13."""

from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from graasp.etherpad.errors import EtherpadServerError, PadIsGone
from graasp.settings import Settings
from graasp.web.certificates import certificates

log = structlog.get_logger(__name__)

_VERSION = "1.2.13"
_TIMEOUT_S = 10.0
_LARGEST_ANSWER = 16 * 1024 * 1024


class EtherpadClient:
    """Every method raises EtherpadServerError: without a server, when it fails, and when it refuses; PadIsGone for a
    pad that it does not know.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.etherpad_url
        self._key = settings.etherpad_api_key

    async def create_group(self, mapper: str) -> str:
        """The id of the group that stands for `mapper`."""
        return await self._text("createGroupIfNotExistsFor", "groupID", groupMapper=mapper)

    async def create_group_pad(self, group_id: str, name: str) -> str:
        """The new pad's id, `<group id>$<name>`."""
        return await self._text("createGroupPad", "padID", groupID=group_id, padName=name)

    async def copy_pad(self, source: str, target: str) -> None:
        await self._call("copyPad", sourceID=source, destinationID=target)

    async def delete_pad(self, pad_id: str) -> None:
        await self._call("deletePad", padID=pad_id)

    async def html(self, pad_id: str) -> str:
        """The pad's text as a page."""
        return await self._text("getHTML", "html", padID=pad_id)

    async def read_only_id(self, pad_id: str) -> str:
        return await self._text("getReadOnlyID", "readOnlyID", padID=pad_id)

    async def create_author(self, mapper: str, name: str) -> str:
        """The id of the author that stands for `mapper`."""
        return await self._text("createAuthorIfNotExistsFor", "authorID", authorMapper=mapper, name=name)

    async def create_session(self, group_id: str, author_id: str, valid_until: int) -> str:
        """A session of an author in a group; `valid_until` is in Unix seconds."""
        return await self._text(
            "createSession", "sessionID", groupID=group_id, authorID=author_id, validUntil=str(valid_until)
        )

    async def sessions(self, author_id: str) -> Mapping[str, Any]:
        """The author's sessions by id, as the server has them: some may be null."""
        found = await self._call("listSessionsOfAuthor", authorID=author_id)
        return found if isinstance(found, dict) else {}

    async def delete_session(self, session_id: str) -> None:
        await self._call("deleteSession", sessionID=session_id)

    async def _text(self, method: str, field: str, **arguments: str) -> str:
        data = await self._call(method, **arguments)
        value = data.get(field) if isinstance(data, dict) else None
        if not isinstance(value, str):
            raise _refused(method, "answer without " + field)
        return value

    async def _call(self, method: str, **arguments: str) -> Any:
        if self._url is None or self._key is None:
            raise _refused(method, "ETHERPAD_URL and ETHERPAD_API_KEY are not set")
        form = {**arguments, "apikey": self._key.get_secret_value()}
        try:
            async with httpx.AsyncClient(
                timeout=_TIMEOUT_S, trust_env=False, verify=certificates()
            ) as client:
                # In the body: keys in queries end up in logs.
                answer = await client.post(f"{self._url}/api/{_VERSION}/{method}", data=form)
            if not answer.is_success or len(answer.content) > _LARGEST_ANSWER:
                raise _refused(method, f"status {answer.status_code}")
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _refused(method, type(error).__name__) from error
        if isinstance(told, dict) and told.get("message") == "padID does not exist":
            raise PadIsGone(f"{method}: no such pad")
        if not isinstance(told, dict) or told.get("code") != 0:
            raise _refused(method, str(told.get("message")) if isinstance(told, dict) else "no object")
        return told.get("data")


def _refused(method: str, reason: str) -> EtherpadServerError:
    log.warning("etherpad failed", method=method, reason=reason)
    return EtherpadServerError(f"{method}: {reason}")
