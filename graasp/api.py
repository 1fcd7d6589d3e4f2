"""The map of the API: every domain's router, in order of precedence."""

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from graasp.accounts.routes import router as accounts
from graasp.actions.routes import router as actions
from graasp.auth.routes import router as auth
from graasp.downloads.routes import router as downloads
from graasp.exports.routes import router as exports
from graasp.files.routes import router as files
from graasp.items.routes import router as items
from graasp.maintenance.routes import router as maintenance
from graasp.memberships.routes import router as memberships
from graasp.notifications.routes import router as notifications


def api_router() -> APIRouter:
    """Everything below `/api`. Items come last: `/api/items/{id}` would swallow its neighbours' literal paths."""
    router = APIRouter(prefix="/api", redirect_slashes=False)
    for domain in (auth, accounts, maintenance, downloads, notifications, actions, exports, files, memberships, items):
        router.include_router(domain)
    return router


def api_segments(app: FastAPI) -> frozenset[str]:
    """The first segments of the paths below `/api`, which are answered without the prefix as well."""
    paths = (route.path for route in app.routes if isinstance(route, APIRoute))
    below_api = (path.removeprefix("/api/") for path in paths if path.startswith("/api/"))
    return frozenset(path.partition("/")[0] for path in below_api) | {"ws"}
