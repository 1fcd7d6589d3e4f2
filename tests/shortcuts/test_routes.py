"""Shortcuts: items that stand for others."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]


@pytest.mark.parametrize(
    ("lang", "name"),
    [
        ("en", "Shortcut to <b>Course</b>"),
        ("fr", "Raccourci vers <b>Course</b>"),
        ("de", "Shortcut to <b>Course</b>"),
    ],
)
async def test_a_shortcut_is_named_after_its_target(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, lang: str, name: str
) -> None:
    member = await factory.member(extra={"lang": lang})
    target = await factory.item(name="<b>Course</b>")
    await factory.membership(target["path"], member["id"], "read")
    answer = await client.post(
        "/api/items/shortcuts", json={"target": str(target["id"])}, headers=cookie_for(member["id"])
    )
    assert answer.status_code == 200, answer.text
    shortcut = answer.json()
    assert (shortcut["name"], shortcut["type"], shortcut["lang"]) == (name, "shortcut", lang)
    assert shortcut["extra"] == {"shortcut": {"target": str(target["id"])}}


async def test_a_shortcut_has_the_name_and_the_place_it_is_given(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner, lang="it")
    first = await factory.item(folder)
    target = await factory.owned_item(owner, name="x" * 500)
    headers = cookie_for(owner["id"])
    query = f"?parentId={folder['id']}&previousItemId={first['id']}"
    body = {
        "target": str(target["id"]),
        "name": "mine",
        "description": "<p>d</p>",
        "lang": "fr",
        "settings": {},
    }
    shortcut = (await client.post(f"/api/items/shortcuts{query}", json=body, headers=headers)).json()
    assert (shortcut["name"], shortcut["description"], shortcut["lang"]) == ("mine", "<p>d</p>", "it")
    children = (await client.get(f"/api/items/{folder['id']}/children", headers=headers)).json()
    assert [child["id"] for child in children] == [str(first["id"]), shortcut["id"]]
    unnamed = await client.post("/api/items/shortcuts", json={"target": str(target["id"])}, headers=headers)
    assert len(unnamed.json()["name"]) == 500


async def test_only_what_can_be_read_is_a_target(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    private, public, hidden, recycled = [await factory.item() for _ in range(4)]
    await factory.visibility(public["path"], "public")
    await factory.membership(hidden["path"], member["id"], "read")
    await factory.visibility(hidden["path"], "hidden")
    await factory.recycle(recycled)
    headers = cookie_for(member["id"])
    for target, status, code in (
        (private["id"], 403, "GERR016"),
        (public["id"], 200, None),
        (hidden["id"], 403, "GERR016"),
        (recycled["id"], 404, "GERR001"),
        (uuid4(), 404, "GERR001"),
        ("x", 400, "FST_ERR_VALIDATION"),
    ):
        for url, body in (
            ("/api/items/shortcuts", {"target": str(target)}),
            ("/api/items", {"name": "x", "type": "shortcut", "extra": {"shortcut": {"target": str(target)}}}),
        ):
            answer = await client.post(url, json=body, headers=headers)
            assert (answer.status_code, answer.json().get("code")) == (status, code), (url, target)


async def test_the_target_never_changes(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    extra = {"shortcut": {"target": str(uuid4())}}
    shortcut = await factory.owned_item(owner, type="shortcut", name="old", extra=extra)
    url, headers = f"/api/items/shortcuts/{shortcut['id']}", cookie_for(owner["id"])
    change = {"name": "new", "target": str(uuid4()), "lang": "fr", "settings": {"isPinned": True}}
    changed = (await client.patch(url, json=change, headers=headers)).json()
    assert (changed["name"], changed["extra"], changed["lang"]) == ("new", extra, "en")
    assert changed["settings"] == {"hasThumbnail": False}
    for nothing in ({}, {"lang": "fr"}):
        assert (await client.patch(url, json=nothing, headers=headers)).status_code == 400
    folder = await factory.owned_item(owner)
    wrong = await client.patch(f"/api/items/shortcuts/{folder['id']}", json={"name": "x"}, headers=headers)
    assert wrong.json()["code"] == "GIERR001"
