"""From a mail's data to a message with a text part and an HTML part."""

from email.message import EmailMessage
from email.utils import formatdate
from functools import cache
from importlib.resources import files

import css_inline
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from graasp.mail.messages import Mail
from graasp.mail.texts import RIGHT_TO_LEFT, catalogue, language

_LEGAL_PAGES = "https://graasp.org"


def render(mail: Mail, *, sender: str, message_id: str) -> EmailMessage:
    """The message as it is handed to SMTP."""
    lang = language(mail.lang)
    words, layout = catalogue(lang)[mail.kind], catalogue(lang)["layout"]
    variables = _isolated(mail.variables) if lang in RIGHT_TO_LEFT else mail.variables
    subject = _one_line(words["subject"].format(**variables))
    text = words["text"].format(**variables)
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain(mail, layout, text, lang))
    html = _template().render(
        lang=lang,
        direction="rtl" if lang in RIGHT_TO_LEFT else "ltr",
        subject=subject,
        layout=layout,
        text=text,
        link=mail.link,
        button=words.get("button"),
        reason=layout["footer_invited" if mail.kind == "invitation" else "footer"],
        agreement=_agreement(layout, lang) if mail.agreement else None,
        ignorable=mail.ignorable,
    )
    message.add_alternative(css_inline.inline(html), subtype="html")
    return message


def _plain(mail: Mail, layout: dict[str, str], text: str, lang: str) -> str:
    parts = [layout["greeting"], text, *([mail.link] if mail.link else [])]
    if mail.agreement:
        pages = {"terms": f"{layout['terms']} ({_page('terms', lang)})"}
        pages["privacy"] = f"{layout['privacy']} ({_page('privacy', lang)})"
        parts.append(layout["agreement"].format(**pages))
    if mail.ignorable:
        parts.append(layout["ignore"])
    return "\n\n".join(parts) + "\n"


def _agreement(layout: dict[str, str], lang: str) -> Markup:
    links = {
        page: Markup('<a href="{}">{}</a>').format(_page(page, lang), layout[page])
        for page in ("terms", "privacy")
    }
    return escape(layout["agreement"]).format(**links)


def _page(name: str, lang: str) -> str:
    return f"{_LEGAL_PAGES}/{name}" if lang == "en" else f"{_LEGAL_PAGES}/{lang}/{name}"


def _isolated(variables: dict[str, str]) -> dict[str, str]:
    """Names as Unicode isolates: whatever their direction, the sentence around them keeps its own."""
    return {name: f"\u2068{value}\u2069" for name, value in variables.items()}


def _one_line(text: str) -> str:
    # A line break in a name must not become a header of its own.
    return " ".join(text.split())


@cache
def _template() -> Template:
    source = (files("graasp.mail.templates") / "mail.html").read_text("utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
