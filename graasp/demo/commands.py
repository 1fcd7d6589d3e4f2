"""`graasp seed`."""

import asyncio
import sys
from importlib.resources import files

import typer
from rich.console import Console
from sqlalchemy import insert, text

from graasp.accounts.tables import account, member_password
from graasp.actions.tables import action
from graasp.apps.tables import app_data
from graasp.auth.passwords import hash_password
from graasp.chat.tables import chat_message
from graasp.db.database import Transaction, open_database
from graasp.demo import course as demo
from graasp.embedded.development import SignIn, keep_sign_ins
from graasp.files.keys import new_file_key
from graasp.items.tables import item
from graasp.memberships.tables import item_membership
from graasp.platform import Platform, open_platform
from graasp.settings import Settings, load_settings

seed_commands = typer.Typer(
    no_args_is_help=True,
    help="Fill a database. Exit codes: 0 done (or there already); 1 not possible; 2 wrong usage or configuration.",
)

_EXISTS = text("select 1 from account where id = cast(:account_id as uuid)")
_ROLES = {1: "teacher, owner of the course", 2: "teacher, may write", 3: "teacher, may read"}


@seed_commands.command("demo")
def seed_demo() -> None:
    """A course with its teachers, learners, and two months of what they did; the same every time."""
    settings = load_settings()
    if not settings.is_development:
        typer.echo("Demo accounts have a known password: only for NODE_ENV=development.", err=True)
        sys.exit(1)
    with Console(stderr=True).status("making the demo course"):
        made = asyncio.run(_seed_demo(settings))
    keep_sign_ins(settings, _sign_ins())
    typer.echo("the demo course is there" if made else "the demo course was there already")


@seed_commands.command("bench")
def seed_bench() -> None:
    """The benchmark data set: a tree of 2,021 items with 1,000,000 actions, 5,000 roots, 20 public trees."""
    with Console(stderr=True).status("making the benchmark data set, about half a minute"):
        made = asyncio.run(_seed_bench(load_settings()))
    if not made:
        typer.echo("This database is not empty: the benchmark data set wants one of its own.", err=True)
        sys.exit(1)
    typer.echo("the benchmark data set is there")


async def _seed_demo(settings: Settings) -> bool:
    async with open_platform(settings) as platform:
        if await platform.reads.first(_EXISTS, account_id=demo.demo_id("teacher", 1)):
            return False
        course = demo.build_course()
        keys = await _store_files(platform, course)
        async with platform.database.transaction() as transaction:
            await _insert(transaction, course, keys)
    return True


async def _store_files(platform: Platform, course: demo.Course) -> dict[str, str]:
    keys = {}
    for node in course.leaves:
        if node.type == "file":
            keys[node.path] = new_file_key(node.name)
            content_type = "text/csv" if node.name.endswith(".csv") else "text/plain"
            await platform.storage.put(
                keys[node.path], demo.content_of(node), content_type=content_type, metadata={}
            )
    return keys


async def _insert(transaction: Transaction, course: demo.Course, keys: dict[str, str]) -> None:
    people = list(demo.accounts())
    owner, second, third = (account_id for account_id, *_ in people[:3])
    hashed = await hash_password(demo.PASSWORD)
    rows = [
        {"id": i, "name": name, "email": email, "is_validated": True, "extra": {"lang": lang}}
        for i, name, email, lang in people
    ]
    await transaction.execute_many(insert(account), rows)
    passwords = [{"member_id": account_id, "password": hashed} for account_id, *_ in people]
    await transaction.execute_many(insert(member_password), passwords)
    items = [demo.item_row(node, owner, keys.get(node.path)) for node in course.nodes]
    await transaction.execute_many(insert(item), items)
    permissions = {owner: "admin", second: "write"}
    memberships = [
        {
            "item_path": course.root.path,
            "account_id": account_id,
            "permission": permissions.get(account_id, "read"),
            "creator_id": owner,
        }
        for account_id in (owner, second, third, *(account_id for account_id, *_ in people[3:]))
    ]
    await transaction.execute_many(insert(item_membership), memberships)
    await transaction.execute_many(insert(action), list(demo.action_rows(course)))
    await transaction.execute_many(insert(chat_message), list(demo.chat_rows(course)))
    await transaction.execute_many(insert(app_data), list(demo.app_data_rows(course)))


def _sign_ins() -> list[SignIn]:
    people = list(demo.accounts())
    teachers = [
        SignIn(name, _ROLES[number], email, demo.PASSWORD)
        for number, (_, name, email, _) in enumerate(people[:3], start=1)
    ]
    _, name, email, _ = people[3]
    return [*teachers, SignIn(name, "learner", email, demo.PASSWORD)]


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
