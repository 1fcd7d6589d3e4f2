"""One lock for each tree: what changes its shape excludes whatever else relies on it."""

_NAMESPACE = 1835363955


def tree_key(path: str) -> str:
    """The key of the advisory lock of the tree that an ltree expression lies in."""
    return f"hashtextextended(subpath({path}, 0, 1)::text, {_NAMESPACE})"
