"""Public and hidden items: inheritance, conflicts, and what they change for whom."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.platform import Platform
from graasp.visibility.tables import item_visibility
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]
Tree = dict[str, Any]
KINDS = ("public", "hidden")


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A > B > C, administered by one member."""
    admin = await factory.member()
    a = await factory.owned_item(admin, name="A")
    b = await factory.item(a, name="B")
    return {"admin": admin, "A": a, "B": b, "C": await factory.item(b, name="C")}


@pytest.fixture
def as_admin(cookie_for: Cookie, tree: Tree) -> dict[str, str]:
    return cookie_for(tree["admin"]["id"])


async def _rows(platform: Platform, tree: Tree) -> list[tuple[str, str]]:
    names = {tree[name]["path"]: name for name in "ABC"}
    rows = await platform.reads.all(select(item_visibility.c.item_path, item_visibility.c.type))
    return sorted((names[row["item_path"]], row["type"]) for row in rows)


def _url(item: Any, kind: str) -> str:
    return f"/api/items/{item['id']}/visibilities/{kind}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_visibility_is_told_of_everything_below_until_it_is_taken_away(
    client: httpx.AsyncClient, platform: Platform, tree: Tree, as_admin: dict[str, str], kind: str
) -> None:
    made = await client.post(_url(tree["A"], kind), headers=as_admin)
    assert (made.status_code, made.content) == (204, b"")
    row = await platform.reads.first(select(item_visibility))
    assert row is not None
    assert (row["item_path"], row["type"], row["creator_id"]) == (
        tree["A"]["path"],
        kind,
        tree["admin"]["id"],
    )
    packed = (await client.get(f"/api/items/{tree['C']['id']}", headers=as_admin)).json()
    assert packed[kind]["itemPath"] == tree["A"]["path"]
    for _ in range(2):
        assert (await client.delete(_url(tree["A"], kind), headers=as_admin)).status_code == 204
    packed = (await client.get(f"/api/items/{tree['C']['id']}", headers=as_admin)).json()
    assert kind not in packed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("item", ["B", "C"])
async def test_what_an_item_is_already_it_is_not_made_again(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_admin: dict[str, str],
    kind: str,
    item: str,
) -> None:
    await factory.visibility(tree["B"]["path"], kind)
    refused = await client.post(_url(tree[item], kind), headers=as_admin)
    assert refused.status_code == 403
    assert refused.json() == {
        "name": "Visibility already present in the hierarchy - itself or ancestors",
        "code": "GITERR007",
        "message": "Visibility already present in the hierarchy - itself or ancestors",
        "statusCode": 403,
        "data": {"itemPath": tree[item]["path"], "type": kind},
        "origin": "graasp-plugin-item-visibilities",
    }
    assert await _rows(platform, tree) == [("B", kind)]


async def test_types_are_independent_and_rows_below_do_not_matter(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_admin: dict[str, str]
) -> None:
    await factory.visibility(tree["C"]["path"], "public")
    for kind in KINDS:
        assert (await client.post(_url(tree["B"], kind), headers=as_admin)).status_code == 204
    assert await _rows(platform, tree) == [("B", "hidden"), ("B", "public"), ("C", "public")]


@pytest.mark.parametrize("own", [True, False])
async def test_what_is_inherited_is_not_taken_away_below(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_admin: dict[str, str],
    own: bool,
) -> None:
    inherited = await factory.visibility(tree["A"]["path"], "hidden")
    if own:
        await factory.visibility(tree["B"]["path"], "hidden")
    before = await _rows(platform, tree)
    refused = await client.delete(_url(tree["B"], "hidden"), headers=as_admin)
    assert (refused.status_code, refused.json()["code"]) == (403, "GITERR008")
    assert refused.json()["message"] == "Cannot modify inherited Visibility"
    told = refused.json()["data"]
    assert (told["id"], told["type"], told["itemPath"]) == (
        str(inherited["id"]),
        "hidden",
        tree["A"]["path"],
    )
    assert told["item"]["name"] == "A"
    assert await _rows(platform, tree) == before


async def test_taking_a_visibility_away_takes_those_of_its_type_below(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_admin: dict[str, str]
) -> None:
    for name, kind in (("B", "hidden"), ("C", "hidden"), ("C", "public")):
        await factory.visibility(tree[name]["path"], kind)
    assert (await client.delete(_url(tree["A"], "hidden"), headers=as_admin)).status_code == 204
    assert await _rows(platform, tree) == [("C", "public")]


async def test_of_equal_visibilities_made_at_once_one_stays(
    client: httpx.AsyncClient, platform: Platform, tree: Tree, as_admin: dict[str, str]
) -> None:
    race = (client.post(_url(tree["B"], "public"), headers=as_admin) for _ in range(4))
    assert sorted(answer.status_code for answer in await asyncio.gather(*race)) == [204, 403, 403, 403]
    assert await _rows(platform, tree) == [("B", "public")]


async def test_an_unknown_type_is_refused_even_to_somebody_signed_out(
    client: httpx.AsyncClient, tree: Tree
) -> None:
    for method in ("POST", "DELETE"):
        answer = await client.request(method, _url(tree["A"], "pinned"))
        assert answer.status_code == 400
        assert answer.json()["message"] == "params/type must be equal to one of the allowed values"


async def test_each_change_takes_the_same_few_statements_and_is_audited(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    as_admin: dict[str, str],
    count_statements: Counter,
    audited: list[dict[str, Any]],
) -> None:
    for _ in range(10):
        child = await factory.item(tree["B"])
        await factory.visibility(child["path"], "hidden")
    with count_statements() as statements:
        await client.post(_url(tree["B"], "hidden"), headers=as_admin)
    assert len(statements) == 3
    with count_statements() as statements:
        await client.delete(_url(tree["B"], "hidden"), headers=as_admin)
    assert len(statements) == 4
    await client.delete(_url(tree["B"], "hidden"), headers=as_admin)
    assert [event["event"] for event in audited] == ["visibility created", "visibility deleted"]
