"""Where mailed links lead, and where they may lead on: to the clients, nowhere else."""

from urllib.parse import unquote, urlencode, urlsplit

from graasp.settings import Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}


def sign_in_link(settings: Settings, token: str, url: str | None) -> str:
    query = urlencode({"t": token, "url": allowed_redirect(settings, url)})
    return f"{settings.sign_in_host}/api/auth?{query}"


def reset_link(settings: Settings, token: str) -> str:
    return f"{settings.client_host}/auth/reset-password?{urlencode({'t': token})}"


def email_change_link(settings: Settings, token: str, new_email: str) -> str:
    return f"{settings.client_host}/email/change?{urlencode({'t': token, 'email': new_email})}"


def failed_sign_in(settings: Settings) -> str:
    return f"{settings.client_host}/auth/?error=true"


def allowed_redirect(settings: Settings, url: str | None) -> str:
    """The URL itself when its origin is one of a client, else the default page."""
    default = f"{settings.client_host}/home/"
    if not url:
        return default
    origin = _origin(url)
    return url if origin is not None and origin in map(_origin, settings.client_origins) else default


def followed_redirect(settings: Settings, url: str | None) -> str:
    """As `allowed_redirect`, for a value that was encoded once more than the query is."""
    return allowed_redirect(settings, unquote(url, errors="replace") if url else None)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; nothing where browsers could read another host than we do."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or any(ord(character) < 32 for character in url):
        return None
    return parts.scheme, parts.hostname, port
