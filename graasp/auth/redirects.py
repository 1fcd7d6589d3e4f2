"""Where a sign-in link may lead: to the clients, nowhere else."""

from urllib.parse import unquote, urlencode, urlsplit

from graasp.settings import Settings


def allowed_redirect(settings: Settings, url: str | None) -> str:
    """The URL itself when it is one of a client, else the default page."""
    default = f"{settings.client_host}/home/"
    if not url:
        return default
    try:
        parts = urlsplit(url)
    except ValueError:
        return default
    if f"{parts.scheme}://{parts.netloc}" not in settings.client_origins or any(ord(c) < 32 for c in url):
        return default
    return url


def sign_in_link(settings: Settings, token: str, url: str | None) -> str:
    query = urlencode({"t": token, "url": allowed_redirect(settings, url)})
    return f"{settings.client_host}/api/auth?{query}"


def followed_redirect(settings: Settings, url: str | None) -> str:
    """As `allowed_redirect`, for a value that was encoded once more than the query is."""
    return allowed_redirect(settings, unquote(url, errors="replace") if url else None)
