"""The permission levels as a database type; the order of the labels is the order of the levels."""

from sqlalchemy import Enum

from graasp.db.metadata import metadata

permission_enum = Enum("read", "write", "admin", name="permission_enum", metadata=metadata)
