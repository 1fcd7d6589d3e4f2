"""Passwords are hashed beside the event loop: bcrypt takes its time on purpose."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import bcrypt

_COST = 10
# What bcrypt looks at; the library refuses longer input, existing hashes were made of the first bytes.
_LONGEST = 72
_THREADS = 2


async def hash_password(password: str) -> str:
    """A hash with its salt and cost, as it is stored."""
    return await _in_pool(lambda: bcrypt.hashpw(_bytes(password), bcrypt.gensalt(_COST)).decode())


async def matches(password: str, hashed: str) -> bool:
    """Whether the password is the one that was hashed; a malformed hash matches nothing."""

    def check() -> str:
        try:
            return "yes" if bcrypt.checkpw(_bytes(password), hashed.encode()) else ""
        except ValueError:
            return ""

    return bool(await _in_pool(check))


def _bytes(password: str) -> bytes:
    return password.encode()[:_LONGEST]


async def _in_pool(work: Callable[[], str]) -> str:
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="bcrypt")
