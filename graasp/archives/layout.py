"""The names in a Graasp archive: a manifest, and beside it the bytes of each item under the item's id in it."""

MANIFEST = "graasp-manifest.json"


def thumbnail_of(item_id: object) -> str:
    """The entry with the thumbnail of an item of the manifest."""
    return f"{item_id}-thumbnail"
