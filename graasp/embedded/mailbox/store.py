"""Mails in a folder, one `.eml` file each."""

import contextlib
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from email.parser import BytesHeaderParser, BytesParser
from email.policy import default as policy
from itertools import takewhile
from pathlib import Path

_ID = re.compile(r"\d{20}-[0-9a-f]{8}")
_LINE_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class Summary:
    """What a list of mails shows of one."""

    id: str
    received: datetime
    sender: str
    # Of the envelope: who really gets it.
    recipients: tuple[str, ...]
    subject: str


@dataclass(frozen=True)
class Attachment:
    """A part of a mail that is a file."""

    number: int
    name: str
    content_type: str
    content_id: str | None
    content: bytes


@dataclass(frozen=True)
class Mail:
    """One mail, taken apart."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]
    source: bytes


class MailStore:
    """The mails of a folder, which is made when missing. Ids sort by time of arrival."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._summaries: dict[str, Summary] = {}

    def add(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Keep a mail; its id. It is there as a whole or not at all."""
        mail_id = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        envelope = [
            ("Return-Path", f"<{sender}>"),
            *(("Delivered-To", recipient) for recipient in recipients),
        ]
        head = "".join(f"{name}: {_LINE_BREAKS.sub(' ', value)}\r\n" for name, value in envelope)
        unfinished = self._folder / f"{mail_id}.unfinished"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(head.encode() + content)
        unfinished.rename(self._path(mail_id))
        return mail_id

    def newest(self, recipient: str = "", *, start: int = 0, limit: int = 50) -> tuple[list[Summary], int]:
        """One page of the mails whose recipient contains the text, newest first; and how many there are."""
        wanted = recipient.strip().casefold()
        ids = sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)
        found = [
            summary
            for summary in map(self._summary, ids)
            if summary and (not wanted or any(wanted in address.casefold() for address in summary.recipients))
        ]
        return found[start : start + limit], len(found)

    def find(self, mail_id: str) -> Mail | None:
        """The mail of this id, or nothing."""
        if not _ID.fullmatch(mail_id):
            return None
        summary = self._summary(mail_id)
        if summary is None:
            return None
        source = self._path(mail_id).read_bytes()
        message = BytesParser(policy=policy).parsebytes(source)
        return Mail(
            summary=summary,
            headers=tuple(_headers(message)),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            attachments=tuple(_attachments(message)),
            source=source,
        )

    def clear(self) -> None:
        """Delete every mail."""
        for path in self._folder.glob("*.eml"):
            path.unlink(missing_ok=True)
        self._summaries.clear()

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"

    def _summary(self, mail_id: str) -> Summary | None:
        if mail_id not in self._summaries:
            try:
                with self._path(mail_id).open("rb") as file:
                    headers = dict.fromkeys(("From", "Subject"), "")
                    message = BytesHeaderParser(policy=policy).parse(file)
            except FileNotFoundError:
                return None
            _return_path, *rest = _headers(message)
            # Those that `add` wrote, not others that the mail may have brought along.
            recipients = [value for _, value in takewhile(lambda header: header[0] == "Delivered-To", rest)]
            headers |= {name: value for name, value in rest if name in headers}
            self._summaries[mail_id] = Summary(
                id=mail_id,
                received=datetime.fromtimestamp(int(mail_id[:20]) / 1e9, UTC),
                sender=headers["From"],
                recipients=tuple(recipients),
                subject=headers["Subject"],
            )
        return self._summaries[mail_id]


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name, raw in message.raw_items():
        try:
            # Parsed only now: a malformed header is shown as it came.
            value = str(policy.header_fetch_parse(name, raw))
        except (MessageError, ValueError, LookupError, AttributeError):
            value = str(raw)
        yield name.title(), value


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body(preferencelist=(subtype,))
    return _text(part) if part is not None else None


def _text(part: MIMEPart) -> str:
    with contextlib.suppress(LookupError, UnicodeError):
        content = part.get_content()
        if isinstance(content, str):
            return content
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    shown = [message.get_body(preferencelist=(subtype,)) for subtype in ("plain", "html")]
    number = 0
    for part in message.walk():
        if part.is_multipart() or any(part is body for body in shown):
            continue
        number += 1
        payload = part.get_payload(decode=True)
        content_id = part.get("Content-ID")
        yield Attachment(
            number=number,
            name=part.get_filename() or f"part-{number}",
            content_type=part.get_content_type(),
            content_id=str(content_id).strip("<> ") if content_id else None,
            content=payload if isinstance(payload, bytes) else b"",
        )
