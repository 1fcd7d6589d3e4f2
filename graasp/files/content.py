"""What an uploaded file really is, and what of it is kept."""

import re

import filetype

HEAD_BYTES = 8 * 1024

_UNTOLD = ("application/octet-stream", "binary/octet-stream")
_MEDIA = ("image/", "video/", "audio/")
_CONTENT_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,99}/[\w.+-]{1,100}", re.ASCII)
_BLANK = b"\xef\xbb\xbf \t\r\n\f"


def detected_type(declared: str, head: bytes) -> str:
    """The content type to store: the declared one, unless there is none or it hides markup behind a picture's.

    Without a declared type it is what the bytes say, else `text/plain`.
    """
    if not declared:
        return _known_format(head) or "text/plain"
    if declared in _UNTOLD:
        return _known_format(head) or declared
    if declared.startswith(_MEDIA) and "svg" not in declared and (markup := _markup(head)):
        return markup
    return declared if _CONTENT_TYPE.fullmatch(declared) else "application/octet-stream"


def _known_format(head: bytes) -> str | None:
    found = filetype.guess(head)
    return str(found.mime) if found else _markup(head)


def _markup(head: bytes) -> str | None:
    start = head.lstrip(_BLANK)[:1024].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe")):
        return "text/html"
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in start:
        return "image/svg+xml"
    return "text/xml" if start.startswith(b"<?xml") else None
