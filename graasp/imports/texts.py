"""Texts of archives, in whatever character set."""

from charset_normalizer import from_bytes


def decoded(content: bytes) -> str:
    """UTF-8, else what it looks like; without what no database stores."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        best = from_bytes(content[:65536]).best()
        text = content.decode(best.encoding if best else "utf-8", errors="replace")
    return text.replace("\0", "")
