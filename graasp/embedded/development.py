"""What `graasp up` has made, for the processes that show it: the mailbox, the demo sign-ins."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from graasp.settings import Settings

_MAILBOX = "mailbox-url"
_SIGN_INS = "demo-sign-ins.json"


@dataclass(frozen=True)
class SignIn:
    """An account of the demo content, and how to use it."""

    name: str
    # What this account is for, e.g. "teacher of the course".
    role: str
    email: str
    password: str


def mailbox_url(settings: Settings) -> str | None:
    """Where the mailbox shows its mails; None when mails go to a real server."""
    content = _read(settings.development_folder, _MAILBOX)
    return content.strip() if content else None


def demo_sign_ins(settings: Settings) -> list[SignIn]:
    """The accounts of the demo content, when it is there."""
    return sign_ins_in(settings.development_folder)


def sign_ins_in(folder: Path | None) -> list[SignIn]:
    """The same, for those who know the folder."""
    content = _read(folder, _SIGN_INS)
    return [SignIn(**one) for one in json.loads(content)] if content else []


def keep_mailbox_url(folder: Path, url: str | None) -> None:
    """Let every process know where the mailbox is, or that there is none."""
    (folder / _MAILBOX).write_text(f"{url or ''}\n")


def keep_sign_ins(settings: Settings, sign_ins: Iterable[SignIn]) -> None:
    """Let every process know which accounts were seeded. Without `graasp up` there is nobody to tell."""
    if settings.development_folder is not None:
        content = json.dumps([asdict(one) for one in sign_ins], ensure_ascii=False, indent=2)
        (settings.development_folder / _SIGN_INS).write_text(content + "\n")


def _read(folder: Path | None, name: str) -> str | None:
    try:
        return (folder / name).read_text() if folder else None
    except FileNotFoundError:
        return None
