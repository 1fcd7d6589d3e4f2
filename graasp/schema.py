"""The whole schema: importing this module registers every table."""

# ruff: noqa: F401 - imported for what they register

import graasp.accounts.tables
import graasp.actions.tables
import graasp.apps.tables
import graasp.auth.tables
import graasp.bookmarks.tables
import graasp.chat.tables
import graasp.companion.tables
import graasp.downloads.tables
import graasp.exports.tables
import graasp.flags.tables
import graasp.geolocation.tables
import graasp.invitations.tables
import graasp.item_login.tables
import graasp.items.tables
import graasp.jobs.tables
import graasp.likes.tables
import graasp.maintenance.tables
import graasp.memberships.tables
import graasp.pages.tables
import graasp.publication.tables
import graasp.recycle_bin.tables
import graasp.short_links.tables
import graasp.tags.tables
import graasp.visibility.tables
from graasp.db.metadata import metadata

__all__ = ["metadata"]
