"""The one MetaData every table belongs to; views live in their own, since they are never created from it."""

from sqlalchemy import MetaData

metadata = MetaData()
views = MetaData()
