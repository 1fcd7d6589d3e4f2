"""The names that exports give and imports know.

A Graasp archive has a manifest, and beside it the bytes of each item under the item's id in it. An archive of plain
files has a note of what is not in it.
"""

MANIFEST = "graasp-manifest.json"
NOTE = "NOT EXPORTED.txt"


def thumbnail_of(item_id: object) -> str:
    """The entry with the thumbnail of an item of the manifest."""
    return f"{item_id}-thumbnail"
