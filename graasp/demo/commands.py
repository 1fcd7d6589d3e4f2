"""`graasp seed`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID

import typer
from rich.console import Console
from sqlalchemy import insert, text

from graasp.accounts.tables import account
from graasp.actions.tables import action
from graasp.apps.tables import app_action, app_data, app_setting
from graasp.auth.passwords import hash_password
from graasp.auth.tables import member_password
from graasp.chat.tables import chat_message
from graasp.db.database import Transaction, open_database
from graasp.demo.activity import Activity
from graasp.demo.course import Calendar, Node, build_course, item_rows
from graasp.demo.people import IS_THERE, PASSWORD, Person, demo_id, people
from graasp.files.keys import new_file_key
from graasp.items.tables import item
from graasp.likes.tables import item_like
from graasp.memberships.tables import item_membership
from graasp.platform import Platform, open_platform
from graasp.publication.tables import published_items
from graasp.settings import Settings, load_settings
from graasp.visibility.tables import item_visibility

seed_commands = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Fill a database: the demo course, the benchmark data.\n\n"
    "Exit codes: 0 done, or there already; 1 not possible; 2 wrong usage or configuration.",
)


@seed_commands.command("demo")
def seed_demo() -> None:
    """A published course with three teachers, thirty learners, and two months of what they did."""
    settings = load_settings()
    if not settings.is_development:
        typer.echo("Demo accounts have a known password: only for NODE_ENV=development.", err=True)
        sys.exit(1)
    with Console(stderr=True).status("making the demo course"):
        made = asyncio.run(_seed_demo(settings))
    typer.echo(f"the demo course is there: {made}" if made else "the demo course was there already")


@seed_commands.command("bench")
def seed_bench() -> None:
    """The benchmark data set: a tree of 2,021 items with 1,000,000 actions, 5,000 roots, 20 public trees."""
    with Console(stderr=True).status("making the benchmark data set, about half a minute"):
        made = asyncio.run(_seed_bench(load_settings()))
    if not made:
        typer.echo("This database is not empty: the benchmark data set wants one of its own.", err=True)
        sys.exit(1)
    typer.echo("the benchmark data set is there")


async def _seed_demo(settings: Settings) -> str | None:
    """What was made; nothing when it was there already."""
    calendar, course, members = Calendar(datetime.now(UTC)), build_course(), people()
    async with open_platform(settings) as platform:
        if await platform.reads.scalar(IS_THERE):
            return None
        file_keys = await _store_files(platform, course)
        async with platform.database.transaction() as transaction:
            await _insert_people(transaction, members, calendar)
            await _insert_course(transaction, course, members, calendar, file_keys)
            actions = await _insert_activity(transaction, Activity(course, members, calendar))
    return f"{len(members)} people, {len(list(course.walk()))} items, {actions:,} actions"


async def _store_files(platform: Platform, course: Node) -> dict[UUID, str]:
    keys = {}
    for node in course.walk():
        if node.type == "file":
            keys[node.id] = new_file_key(node.name)
            await platform.storage.put(
                keys[node.id], _content(node), content_type=node.values["mimetype"], metadata={}
            )
    return keys


async def _content(node: Node) -> AsyncIterator[bytes]:
    yield node.values["content"].encode()


async def _insert_people(transaction: Transaction, members: list[Person], calendar: Calendar) -> None:
    moments = dict.fromkeys(("created_at", "updated_at", "user_agreements_date"), calendar.course_made)
    accounts = [
        {"id": person.id, "name": person.name, "email": person.email, "is_validated": True}
        | {"extra": {"lang": person.lang}, "last_authenticated_at": calendar.now}
        | moments
        for person in members
    ]
    hashed = await hash_password(PASSWORD)
    passwords = [{"member_id": person.id, "password": hashed} for person in members]
    await transaction.execute_many(insert(account), accounts)
    await transaction.execute_many(insert(member_password), passwords)


async def _insert_course(
    transaction: Transaction,
    course: Node,
    members: list[Person],
    calendar: Calendar,
    file_keys: dict[UUID, str],
) -> None:
    owner, made = members[0], {"creator_id": members[0].id, "created_at": calendar.course_made}
    memberships = [
        {"id": demo_id("membership", person.id), "item_path": course.path, "account_id": person.id}
        | {"permission": person.permission, "updated_at": calendar.course_made}
        | made
        for person in members
    ]
    hidden = [node for node in course.children if node.is_hidden]
    visibilities = [{"type": "public", "item_path": course.path} | made] + [
        {"type": "hidden", "item_path": node.path} | made for node in hidden
    ]
    await transaction.execute_many(insert(item), list(item_rows(course, owner, calendar, file_keys)))
    await transaction.execute_many(insert(item_membership), memberships)
    await transaction.execute_many(insert(item_visibility), visibilities)
    await transaction.execute_many(insert(published_items), [{"item_path": course.path} | made])


async def _insert_activity(transaction: Transaction, activity: Activity) -> int:
    actions = activity.actions()
    await transaction.execute_many(insert(action), actions)
    await transaction.execute_many(insert(chat_message), activity.messages())
    await transaction.execute_many(insert(item_like), activity.likes())
    await transaction.execute_many(insert(app_setting), activity.app_settings())
    await transaction.execute_many(insert(app_data), activity.app_data())
    await transaction.execute_many(insert(app_action), activity.app_actions())
    return len(actions)


async def _seed_bench(settings: Settings) -> bool:
    script = (files("graasp.demo") / "bench.sql").read_text()
    async with (
        open_database(settings.db_connection, pool_size=1) as database,
        database.transaction() as transaction,
    ):
        if await transaction.first(text("select 1 from account limit 1")):
            return False
        connection = await transaction.connection()
        await connection.execute(script)
    return True
