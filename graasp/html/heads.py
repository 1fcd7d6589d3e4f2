"""What the head of a page says of it."""

from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser


class Head(NamedTuple):
    """The title, the contents of the `meta` elements by name or property, and the addresses of the icons."""

    title: str | None
    meta: dict[str, str]
    icons: list[str]


def read_head(html: str) -> Head:
    parsed = LexborHTMLParser(html)
    title = parsed.css_first("head > title")
    icons = [
        address
        for node in parsed.css("link[rel][href]")
        if "icon" in (node.attributes.get("rel") or "").lower().split()
        and (address := node.attributes.get("href"))
    ]
    return Head(title.text() if title else None, _meta(parsed), icons)


def _meta(parsed: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in parsed.css("meta[content]"):
        name = node.attributes.get("property") or node.attributes.get("name")
        content = node.attributes.get("content")
        if name and content:
            found.setdefault(name.lower(), content)
    return found
