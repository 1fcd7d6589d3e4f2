"""The map of the API: every domain's router, in order of precedence."""

from starlette.routing import BaseRoute, Route, WebSocketRoute

from graasp.accounts.routes import router as accounts
from graasp.actions.routes import router as actions
from graasp.apps.actions.routes import router as app_actions
from graasp.apps.chatbot.routes import router as app_chatbot
from graasp.apps.data.routes import router as app_data
from graasp.apps.routes import context as app_context
from graasp.apps.routes import router as apps
from graasp.apps.settings.routes import router as app_settings
from graasp.auth.routes import router as auth
from graasp.avatars.routes import router as avatars
from graasp.data_export.routes import router as data_export
from graasp.downloads.routes import router as downloads
from graasp.etherpad.routes import router as etherpad
from graasp.exports.routes import router as exports
from graasp.files.routes import router as files
from graasp.flags.routes import router as flags
from graasp.geolocation.routes import router as geolocation
from graasp.h5p.routes import router as h5p
from graasp.imports.routes import router as imports
from graasp.invitations.routes import router as invitations
from graasp.item_login.routes import enrolment
from graasp.item_login.routes import router as item_login
from graasp.items.routes import router as items
from graasp.items.thumbnail_routes import removal as thumbnail_removal
from graasp.items.thumbnail_routes import router as thumbnails
from graasp.items.trees.routes import router as item_trees
from graasp.likes.routes import router as likes
from graasp.links.routes import router as links
from graasp.maintenance.routes import router as maintenance
from graasp.memberships.requests.routes import router as membership_requests
from graasp.memberships.routes import router as memberships
from graasp.notifications.routes import router as notifications
from graasp.pages.routes import router as pages
from graasp.profiles.routes import router as profiles
from graasp.recycle_bin.routes import router as recycle_bin
from graasp.short_links.routes import router as short_links
from graasp.shortcuts.routes import router as shortcuts
from graasp.visibility.routes import router as visibility

# In order of precedence: `/members/{id}` and `/items/{id}` would swallow their neighbours' literal paths.
DOMAINS = (
    auth,
    maintenance,
    downloads,
    notifications,
    actions,
    apps,
    app_context,
    app_chatbot,
    app_data,
    app_actions,
    app_settings,
    exports,
    imports,
    h5p,
    files,
    profiles,
    avatars,
    data_export,
    accounts,
    membership_requests,
    memberships,
    enrolment,
    item_login,
    visibility,
    flags,
    invitations,
    short_links,
    likes,
    links,
    shortcuts,
    pages,
    etherpad,
    thumbnails,
    thumbnail_removal,
    geolocation,
    recycle_bin,
    item_trees,
    items,
)
# Answered below `/api` besides the domains' paths: they are answered without the prefix as well.
_OTHER_SEGMENTS = ("status", "version")


def api_routes() -> list[BaseRoute]:
    """Everything below `/api`. They are taken as they are: to include a router again builds each of its routes anew."""
    return [route for domain in DOMAINS for route in domain.routes]


def api_segments() -> frozenset[str]:
    """The first segments of the paths below `/api`, which are answered without the prefix too."""
    paths = (route.path for route in api_routes() if isinstance(route, Route | WebSocketRoute))
    return frozenset(path.split("/")[2] for path in paths) | frozenset(_OTHER_SEGMENTS)
