"""One lock for each tree: what changes its shape excludes whatever else relies on it.

Whoever needs several locks takes them in this order, so that nobody waits in a circle:

1. the row of the account whose storage fills (as an account's deletion does, which goes on to its items);
2. the trees, sorted by their paths;
3. the rows of items.
"""

_NAMESPACE = 1835363955


def tree_key(path: str) -> str:
    """The key of the advisory lock of the tree that an ltree expression lies in."""
    return f"hashtextextended(subpath({path}, 0, 1)::text, {_NAMESPACE})"
