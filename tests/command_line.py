"""`graasp` as a process of its own."""

import asyncio
import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from graasp.settings import Settings

GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")
_VARIABLES = {name.upper() for name in Settings.model_fields} - {"TMPDIR"}


@dataclass
class Ended:
    """How a command ended, and what it said."""

    code: int | None
    output: str
    errors: str


async def run_graasp(folder: Path, *arguments: object, **variables: str) -> Ended:
    """Run it in a folder, with these variables and no other setting."""
    clean = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    process = await asyncio.create_subprocess_exec(
        GRAASP,
        *map(str, arguments),
        cwd=folder,
        env=clean | {"COLUMNS": "200"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return Ended(process.returncode, output.decode(), errors.decode())
