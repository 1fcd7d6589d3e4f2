from tests.items.trees.operations import operations, stored

__all__ = ["operations", "stored"]
