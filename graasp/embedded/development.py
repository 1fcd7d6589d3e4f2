"""What `graasp up` has started, for the processes that show it."""

from pathlib import Path

from graasp.settings import Settings

_MAILBOX = "mailbox-url"


def mailbox_url(settings: Settings) -> str | None:
    """Where the mailbox shows its mails; None when mails go to a real server."""
    if settings.development_folder is None:
        return None
    try:
        return (settings.development_folder / _MAILBOX).read_text().strip() or None
    except FileNotFoundError:
        return None


def keep_mailbox_url(folder: Path, url: str | None) -> None:
    """Let every process know where the mailbox is, or that there is none."""
    (folder / _MAILBOX).write_text(f"{url or ''}\n")
