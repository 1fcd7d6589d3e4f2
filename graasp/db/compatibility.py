"""Whether the version that runs goes on working while pending revisions are applied, and after them.

A linter reads the SQL of each revision (squawk, in the migrate image and among the test requirements). What it can't
see, such as rewritten rows, the author of a revision says in it: `interrupts = "why"`.
"""

import shutil
import subprocess
import sysconfig
from typing import NamedTuple

import orjson

from graasp.db import migrations

# The oldest PostgreSQL that is supported: what locks a table there counts.
_POSTGRES = "15"
# Advice on style and on running a script by hand; the migration task sets its own time limits. Every other rule, one
# of a later squawk too, is about what breaks or blocks the version that runs.
_ADVICE = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-timestamp-tz",
    "require-enum-value-ordering",
    "require-lock-timeout",
    "require-statement-timeout",
)
_FOUND_NOTHING, _FOUND_SOMETHING = 0, 1


class LinterMissing(Exception):
    """squawk is not installed, so nobody can tell."""


class Finding(NamedTuple):
    """Why a revision needs an interruption."""

    revision: str
    rule: str
    message: str


def interruptions(url: str, *, to: str = "head") -> list[Finding]:
    """What in the pending revisions would disturb the version that runs; nothing does in an empty database.

    Raises LinterMissing, and what `migrations.pending` raises.
    """
    return [finding for step in migrations.pending_steps(url, to=to) for finding in examine(step)]


def examine(step: migrations.Step) -> list[Finding]:
    """What in one revision would. Raises LinterMissing."""
    said = [Finding(step.revision, "interrupts", step.interrupts)] if step.interrupts else []
    if step.sql is None:
        return [*said, Finding(step.revision, "offline", "It has no SQL that could be read beforehand.")]
    return [*said, *_lint(step.revision, step.sql)]


def _lint(revision: str, sql: str) -> list[Finding]:
    squawk = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if squawk is None:
        raise LinterMissing(
            "squawk is not installed, so it can't be told whether the version that runs goes on working. "
            "The migrate image has it; elsewhere: pip install squawk-cli."
        )
    excluded = f"--exclude={','.join(_ADVICE)}"
    result = subprocess.run(  # noqa: S603 - a program of ours, without a shell
        [
            squawk,
            "--reporter=json",
            f"--pg-version={_POSTGRES}",
            excluded,
            f"--stdin-filepath={revision}.sql",
        ],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in (_FOUND_NOTHING, _FOUND_SOMETHING):
        raise RuntimeError(f"squawk failed: {result.stderr.strip()}")
    return [
        Finding(revision, finding["rule_name"], finding["message"]) for finding in orjson.loads(result.stdout)
    ]
