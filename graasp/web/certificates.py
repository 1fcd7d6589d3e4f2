"""The certificate authorities that this server trusts."""

import ssl
from functools import cache

import httpx


@cache
def certificates() -> ssl.SSLContext:
    """To be given to each `httpx` client: it would read them anew, and nothing is answered for those 35 ms."""
    return httpx.create_ssl_context()
