"""The one policy for HTML that people write: documents and descriptions.

Active content goes; what the editor means by classes, styles and data attributes stays.
"""

import re

import nh3

_TAGS = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "audio",
        "b",
        "bdi",
        "bdo",
        "blockquote",
        "br",
        "button",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "data",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "main",
        "mark",
        "menu",
        "nav",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "section",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "track",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
        "math",
        "semantics",
        "annotation",
        "mrow",
        "mi",
        "mo",
        "mn",
        "ms",
        "mtext",
        "mspace",
        "msup",
        "msub",
        "msubsup",
        "mfrac",
        "msqrt",
        "mroot",
        "mover",
        "munder",
        "munderover",
        "mtable",
        "mtr",
        "mtd",
        "mstyle",
        "mpadded",
        "mphantom",
        "menclose",
    ]
)
_DROPPED_WITH_CONTENT = frozenset(
    ("script", "style", "iframe", "object", "embed", "noscript", "template", "textarea", "option")
)
_GENERAL = frozenset(
    [
        "align",
        "alt",
        "aria-hidden",
        "aria-label",
        "border",
        "cellpadding",
        "cellspacing",
        "class",
        "color",
        "colspan",
        "contenteditable",
        "datetime",
        "dir",
        "encoding",
        "face",
        "height",
        "hidden",
        "id",
        "lang",
        "mathvariant",
        "name",
        "rel",
        "role",
        "rowspan",
        "scope",
        "size",
        "span",
        "spellcheck",
        "start",
        "style",
        "tabindex",
        "title",
        "type",
        "valign",
        "value",
        "width",
        "xmlns",
    ]
)
_ATTRIBUTES = {
    "*": _GENERAL,
    "a": frozenset(("href", "target")),
    "img": frozenset(("src", "srcset", "loading")),
    "audio": frozenset(("src", "controls", "loop", "muted")),
    "video": frozenset(("src", "controls", "loop", "muted", "poster")),
    "source": frozenset(("src", "media")),
    "track": frozenset(("src", "kind", "srclang", "label", "default")),
    "blockquote": frozenset(("cite",)),
    "q": frozenset(("cite",)),
    "details": frozenset(("open",)),
}
_ADDRESSES = frozenset(("href", "src", "srcset", "poster", "cite"))
_SCHEMES = frozenset(("http", "https", "ftp", "mailto", "tel", "data"))
_HOSTILE_STYLE = re.compile(
    r"url\s*\(|expression\s*\(|javascript:|@import|behavior\s*:|-moz-binding|\\", re.IGNORECASE
)
# Browsers drop these from addresses.
_IGNORED = re.compile(r"[\x00-\x20]+")
_SCHEME = re.compile(r"(?:^|,)([a-z][a-z0-9+.-]*):")
# Nothing runs in the picture of an `img`, whatever its format.
_DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]+[;,]")


def sanitize(html: str) -> str:
    """The HTML without scripts, frames, forms, comments, handlers, and URLs that run or fetch in hiding."""
    return nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_attribute,
        generic_attribute_prefixes={"data-"},
        url_schemes=set(_SCHEMES),
        strip_comments=True,
        link_rel=None,
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return _safe_style(value)
    if name not in _ADDRESSES:
        return value
    address = _IGNORED.sub("", value).lower()
    if address.startswith("data:"):
        return value if tag == "img" and name == "src" and _DATA_IMAGE.match(address) else None
    if name == "srcset":
        return value if all(scheme in ("http", "https") for scheme in _SCHEME.findall(address)) else None
    return value


def _safe_style(style: str) -> str | None:
    """The declarations that neither fetch nor run anything; nothing when none is left."""
    safe = ";".join(part for part in style.split(";") if not _HOSTILE_STYLE.search(part))
    return safe if safe.strip("; ") else None
