"""Every mail in every language: complete, escaped, its links and variables right."""

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from graasp.mail.messages import Kind, Mail
from graasp.mail.rendering import render
from graasp.mail.texts import LANGUAGES, RIGHT_TO_LEFT, catalogue, language
from tests.mail.samples import CLIENT, INVITATION_ID, ITEM_ID, LIBRARY, RECIPIENT, samples

PERSON = "Eve <b>\"'&\n</b>"
ITEM = "<script>alert(1)</script> {creator} %s {{ 7 * 7 }}\r\nBcc: x@example.org"

# Where the button of each mail leads; a mail of which nothing stands here has none.
LINKS = {
    "sign_up": f"{CLIENT}/api/auth?t=a.b.c&url=https%3A%2F%2Fclient.test%2Fhome%2F",
    "sign_in": f"{CLIENT}/api/auth?t=a.b.c&url=https%3A%2F%2Fclient.test%2Fhome%2F",
    "reset_password": f"{CLIENT}/auth/reset-password?t=a.b.c",
    "confirm_email_change": f"{CLIENT}/email/change?t=a.b.c&email=someone%40example.org",
    "mentioned": f"{CLIENT}/builder/items/{ITEM_ID}?chatOpen=true",
    "invitation": f"{CLIENT}/auth/register?invitationId={INVITATION_ID}"
    f"&url=https%3A%2F%2Fclient.test%2Fplayer%2F{ITEM_ID}%2F{ITEM_ID}",
    "item_shared": f"{CLIENT}/player/{ITEM_ID}/{ITEM_ID}",
    "access_requested": f"{CLIENT}/builder/items/{ITEM_ID}/share",
    "item_published": f"{LIBRARY}/collections/{ITEM_ID}",
    "actions_exported": f"{CLIENT}/api/downloads/token",
    "folder_exported": f"{CLIENT}/api/downloads/token",
    "data_exported": f"{CLIENT}/api/downloads/token",
}
AGREEMENTS = {"sign_up", "invitation"}
IGNORABLE = {"sign_up", "sign_in", "reset_password", "confirm_email_change"}


class Page(HTMLParser):
    """What a reader of the HTML part sees and can follow."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.attributes = dict(attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def parts(mail: Mail) -> tuple[EmailMessage, str, Page]:
    message = render(mail, sender="no-reply@example.org", message_id="<1@example.org>")
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return message, plain.get_content(), Page(html.get_content())


def test_there_is_a_sample_of_every_kind() -> None:
    assert [mail.kind for mail in samples("en")] == list(get_args(Kind))


def test_every_mail_is_documented_with_its_picture() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mails.md").read_text()
    assert re.findall(r"\(images/mails/(.*)\.png\)", page) == [
        kind.replace("_", "-") for kind in get_args(Kind)
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_mail_says_everything_and_nothing_in_a_name_does_harm(lang: str) -> None:
    layout = catalogue(lang)["layout"]
    for mail in samples(lang, person=PERSON, item=ITEM):
        message, plain, page = parts(mail)
        assert message["To"] == RECIPIENT
        assert message["Bcc"] is None
        assert "\n" not in message["Subject"], mail.kind
        assert page.attributes == {"lang": lang, "dir": "rtl" if lang in RIGHT_TO_LEFT else "ltr"}
        assert "script" not in page.tags, mail.kind
        assert "b" not in page.tags, mail.kind
        for value in mail.variables.values():
            assert " ".join(value.split()) in " ".join(plain.split()), mail.kind
            assert " ".join(value.split()) in " ".join(page.text.split()), mail.kind
        link = LINKS.get(mail.kind)
        legal = [link for link in page.links if link.startswith("https://graasp.org")]
        assert [followed for followed in page.links if followed not in legal] == [link] * 2 * bool(link)
        assert (link is None) or (f"\n{link}\n" in plain and link in page.text), mail.kind
        assert bool(legal) is (mail.kind in AGREEMENTS), mail.kind
        assert (layout["ignore"] in plain) is (layout["ignore"] in page.text) is (mail.kind in IGNORABLE)


def test_names_do_not_turn_a_sentence_that_runs_from_right_to_left() -> None:
    (mail,) = (mail for mail in samples("ar") if mail.kind == "actions_exported")
    message, plain, page = parts(mail)
    for text in (str(message["Subject"]), plain, page.text):
        assert "«\u2068Algebra, first steps\u2069»" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_is_missing_and_none_has_another_variable_than_in_english(lang: str) -> None:
    def shape(texts: dict[str, dict[str, str]]) -> dict[str, dict[str, set[str]]]:
        return {
            kind: {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in words.items()}
            for kind, words in texts.items()
        }

    assert shape(catalogue(lang)) == shape(catalogue("en"))
    assert set(catalogue(lang)) == {"layout", *get_args(Kind)}
    untranslated = [
        (kind, key)
        for kind, words in catalogue(lang).items()
        for key, text in words.items()
        if text == catalogue("en")[kind][key] and key != "address"
    ]
    assert lang == "en" or not untranslated


@pytest.mark.parametrize(
    ("asked", "used"),
    [("fr-CH", "fr"), ("de_AT", "de"), ("AR", "ar"), ("pt", "en"), ("", "en"), ("english", "en")],
)
def test_a_language_falls_back_to_its_base_and_then_to_english(asked: str, used: str) -> None:
    assert language(asked) == used
