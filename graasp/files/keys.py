"""Storage keys of uploaded files; never taken from a client."""

import re
import time
from pathlib import PurePath
from secrets import token_hex

_EXTENSION = re.compile(r"\.[A-Za-z0-9_-]{1,32}")


def new_file_key(file_name: str) -> str:
    """`files/<4 hex>/<4 hex>/<4 hex>-<Unix ms><extension of the name>`."""
    extension = PurePath(file_name).suffix
    suffix = extension if _EXTENSION.fullmatch(extension) else ""
    return f"files/{token_hex(2)}/{token_hex(2)}/{token_hex(2)}-{time.time_ns() // 1_000_000}{suffix}"
