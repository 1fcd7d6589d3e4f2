"""SMTP: one kept connection per process, opened anew when it is gone."""

import asyncio
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from graasp.jobs.spec import PermanentError
from graasp.settings import Settings

_TIMEOUT_S = 20


class SmtpTransport:
    """Sends messages one after the other through the server that the settings name."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.mailer_connection)
        # Development servers speak plain SMTP, whatever the setting's default says.
        implicit_tls = url.scheme == "smtps" or (settings.mailer_use_ssl and not settings.is_development)
        self._client = aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port or (465 if implicit_tls else 25),
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=implicit_tls,
            start_tls=False if implicit_tls else None,
            timeout=_TIMEOUT_S,
        )
        self._lock = asyncio.Lock()

    async def send(self, message: EmailMessage) -> None:
        """Hand over one message.

        Raises PermanentError when the server refuses it for good, SMTP's errors and OSError when it may be taken
        later.
        """
        async with self._lock:
            try:
                await self._send(message)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, OSError):
                # A kept connection dies when the server restarts or times it out: one new one is due.
                self._client.close()
                await self._send(message)

    async def _send(self, message: EmailMessage) -> None:
        if not self._client.is_connected:
            await self._client.connect()
        try:
            await self._client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refused.code >= 500 for refused in error.recipients):
                raise PermanentError(f"recipient refused with {error.recipients[0].code}") from None
            raise
        except aiosmtplib.SMTPResponseException as error:
            if 500 <= error.code < 600:
                raise PermanentError(f"message refused with {error.code}") from None
            raise

    async def close(self) -> None:
        if self._client.is_connected:
            try:
                await self._client.quit()
            except (aiosmtplib.SMTPException, OSError):
                self._client.close()
