"""What others may know of a member."""

from uuid import uuid4

import httpx

from tests.factories import Factory
from tests.people import Cookie, every_caller


async def test_anybody_sees_a_members_id_and_name(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member(is_validated=False)
    for headers in (await every_caller(factory, cookie_for)).values():
        answer = await client.get(f"/api/members/{member['id']}", headers=headers)
        assert answer.status_code == 200
        assert answer.json() == {"id": str(member["id"]), "name": member["name"]}


async def test_guests_and_unknown_ids_are_not_found(client: httpx.AsyncClient, factory: Factory) -> None:
    guest = await factory.guest((await factory.item())["path"])
    for account_id in (guest["id"], uuid4()):
        answer = await client.get(f"/api/members/{account_id}")
        assert answer.status_code == 404
        assert answer.json() == {
            "message": f"MEMBER_NOT_FOUND {{ id: '{account_id}' }}",
            "name": "FastifyError",
            "code": "GERR013",
            "statusCode": 404,
        }
    invalid = await client.get("/api/members/nobody")
    assert invalid.json()["message"] == 'params/id must match format "uuid"'
