"""The Content-Disposition header, for any file name."""

from urllib.parse import quote

# Types a browser would run in this server's origin.
_ACTIVE = ("html", "svg", "xml", "xsl", "javascript", "ecmascript", "multipart/")


def attachment(name: str) -> str:
    """`attachment` with the name, in the plain form for old clients and in the extended form for all others."""
    plain = "".join(c if 32 <= ord(c) < 127 and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def is_active(content_type: str) -> bool:
    """Whether a browser could run the content; such files are only ever downloaded."""
    return any(mark in content_type.lower() for mark in _ACTIVE)
