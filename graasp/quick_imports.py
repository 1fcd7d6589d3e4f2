"""Importing much at once, as processes do that start."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without the garbage collector: it would look through the growing program again and again, and find nothing."""
    gc.disable()
    try:
        yield
    finally:
        # What is left is the program itself, which stays.
        gc.freeze()
        gc.enable()
