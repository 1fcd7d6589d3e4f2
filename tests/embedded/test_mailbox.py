"""The development mailbox."""

import asyncio
import smtplib
import stat
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from graasp.embedded.mailbox.pages import create_mailbox
from graasp.embedded.mailbox.store import MailStore
from graasp.embedded.process import Program, accepts, free_port

BASE = "http://localhost:1080"


@pytest.fixture
def store(tmp_path: Path) -> MailStore:
    return MailStore(tmp_path / "mails")


@pytest.fixture
async def mailbox(store: MailStore) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_mailbox(store))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


def a_mail(subject: str = "Your archive is ready", html: str = "<p>Hello</p>") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Graasp <no-reply@graasp.test>"
    mail["To"] = "Ana <ana@example.test>"
    mail["Subject"] = subject
    mail.set_content("Hello in plain text")
    mail.add_alternative(html, subtype="html")
    return mail


def keep(store: MailStore, mail: EmailMessage, *recipients: str) -> str:
    return store.add("no-reply@graasp.test", recipients or ("ana@example.test",), mail.as_bytes())


async def test_lists_mails_newest_first_with_recipient_and_subject(
    store: MailStore, mailbox: httpx.AsyncClient
) -> None:
    keep(store, a_mail("First – Übung"))
    keep(store, a_mail("Second"), "bob@example.test")
    page = (await mailbox.get("/")).text
    assert page.index("Second") < page.index("First – Übung")
    assert "bob@example.test" in page
    assert "2 mails" in page


async def test_finds_mails_by_recipient(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    keep(store, a_mail("For Ana"))
    keep(store, a_mail("For Bob"), "bob@example.test", "carl@example.test")
    found = (await mailbox.get("/api/mails", params={"to": "CARL@"})).json()
    assert found["count"] == 1
    assert found["mails"][0]["subject"] == "For Bob"
    assert found["mails"][0]["recipients"] == ["bob@example.test", "carl@example.test"]
    assert "No mail for this recipient" in (await mailbox.get("/", params={"to": "nobody"})).text


async def test_shows_text_html_headers_and_source_of_a_mail(
    store: MailStore, mailbox: httpx.AsyncClient
) -> None:
    mail_id = keep(store, a_mail())
    page = (await mailbox.get(f"/mails/{mail_id}")).text
    assert "Hello in plain text" in page
    assert "Return-Path: &lt;no-reply@graasp.test&gt;" in page
    assert f'src="/mails/{mail_id}/html"' in page
    assert "<p>Hello</p>" in (await mailbox.get(f"/mails/{mail_id}/html")).text
    assert (await mailbox.get(f"/mails/{mail_id}/source")).headers["content-type"].startswith("text/plain")
    as_json = (await mailbox.get(f"/api/mails/{mail_id}")).json()
    assert as_json["text"].strip() == "Hello in plain text"
    assert ["Subject", "Your archive is ready"] in as_json["headers"]


async def test_the_html_of_a_mail_runs_no_script_and_asks_nobody(
    store: MailStore, mailbox: httpx.AsyncClient
) -> None:
    mail_id = keep(
        store, a_mail(html="<!doctype html><script>alert(1)</script><img src=http://tracker.test>")
    )
    page = await mailbox.get(f"/mails/{mail_id}")
    assert "sandbox=" in page.text
    assert "<script>" not in page.text
    html = await mailbox.get(f"/mails/{mail_id}/html")
    policy = html.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert html.text.startswith('<!doctype html><base target="_blank">')


async def test_subject_and_addresses_are_shown_as_text(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    mail_id = keep(store, a_mail("<script>alert(1)</script>"), "<b>x</b>@example.test")
    for path in ("/", f"/mails/{mail_id}"):
        page = (await mailbox.get(path)).text
        assert "<script>" not in page
        assert "<b>x</b>" not in page


async def test_attachments_are_offered_for_download(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    mail = a_mail()
    mail.add_attachment(b"<script>", maintype="text", subtype="html", filename='ü "x".html')
    mail_id = keep(store, mail)
    attachment = (await mailbox.get(f"/api/mails/{mail_id}")).json()["attachments"][0]
    assert attachment["name"] == 'ü "x".html'
    answer = await mailbox.get(f"/mails/{mail_id}/parts/{attachment['number']}")
    assert answer.content == b"<script>"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BC%20%22x%22.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await mailbox.get(f"/mails/{mail_id}/parts/99")).status_code == 404


async def test_pictures_inside_a_mail_are_shown(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    mail = a_mail(html='<img src="cid:logo@graasp">')
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo@graasp>")
    mail_id = keep(store, mail)
    assert '<img src="parts/1">' in (await mailbox.get(f"/mails/{mail_id}/html")).text
    picture = await mailbox.get(f"/mails/{mail_id}/parts/1")
    assert picture.headers["content-disposition"].startswith("inline")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?b?!!!?=\r\nContent-Type: text/plain; charset=martian\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts",
        b"From: @@@ <<>>\r\nContent-Disposition: ;;;\r\n\r\nx",
        b"Delivered-To: forged@example.test\r\n\r\nx",
    ],
)
async def test_a_broken_mail_is_shown_as_well_as_can_be(
    store: MailStore, mailbox: httpx.AsyncClient, content: bytes
) -> None:
    mail_id = store.add("", ["ana@example.test"], content)
    for path in ("/", f"/mails/{mail_id}", f"/api/mails/{mail_id}"):
        assert (await mailbox.get(path)).status_code == 200
    assert (await mailbox.get("/api/mails")).json()["mails"][0]["recipients"][0] == "ana@example.test"


@pytest.mark.parametrize("mail_id", ["nothing", "..", "%2e%2e%2fsecrets", "01795526751221148035-46689bc2"])
async def test_an_unknown_mail_is_not_found(mailbox: httpx.AsyncClient, mail_id: str) -> None:
    assert (await mailbox.get(f"/mails/{mail_id}/source")).status_code == 404


async def test_long_lists_come_in_pages(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    for number in range(51):
        keep(store, a_mail(f"Mail {number}"))
    assert "Page 1 of 2" in (await mailbox.get("/")).text
    assert [mail["subject"] for mail in (await mailbox.get("/api/mails?page=2")).json()["mails"]] == [
        "Mail 0"
    ]
    assert (await mailbox.get("/?page=²")).status_code == 200


async def test_deletes_all_only_from_its_own_page(store: MailStore, mailbox: httpx.AsyncClient) -> None:
    keep(store, a_mail())
    assert (await mailbox.get("/delete-all")).status_code == 405
    for headers in ({}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site", "Origin": BASE}):
        assert (await mailbox.post("/delete-all", headers=headers)).status_code == 403
    assert (await mailbox.get("/api/mails")).json()["count"] == 1
    assert (await mailbox.post("/delete-all", headers={"Origin": BASE})).status_code == 303
    assert (await mailbox.get("/api/mails")).json()["count"] == 0


async def test_another_name_for_this_machine_is_refused(mailbox: httpx.AsyncClient) -> None:
    assert (await mailbox.get("/api/mails", headers={"Host": "rebound.test"})).status_code == 400


def test_mails_are_kept_for_this_user_alone(store: MailStore, tmp_path: Path) -> None:
    mail_id = keep(store, a_mail())
    assert stat.S_IMODE((tmp_path / "mails").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "mails" / f"{mail_id}.eml").stat().st_mode) == 0o600


async def test_catches_mails_by_smtp_and_keeps_them_over_a_restart(tmp_path: Path) -> None:
    smtp, pages = free_port(), free_port()
    program = Program(
        name="mailbox",
        command=[
            *(sys.executable, "-m", "graasp.embedded.mailbox", "--data", str(tmp_path / "mails")),
            *("--smtp-port", str(smtp), "--http-port", str(pages)),
        ],
        log=tmp_path / "log",
        is_ready=lambda: accepts(smtp) and accepts(pages),
    )
    for number in range(2):
        program.start()
        try:
            await asyncio.to_thread(program.wait_until_ready)
            with smtplib.SMTP("127.0.0.1", smtp) as connection:
                connection.send_message(
                    a_mail(f"Mail {number}"), to_addrs=["ana@example.test", "bcc@example.test"]
                )
            mails = httpx.get(f"http://127.0.0.1:{pages}/api/mails").json()["mails"]
        finally:
            program.stop()
    assert [mail["subject"] for mail in mails] == ["Mail 1", "Mail 0"]
    assert mails[0]["recipients"] == ["ana@example.test", "bcc@example.test"]
