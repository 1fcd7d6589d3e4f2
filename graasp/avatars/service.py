"""The rules of avatars."""

from uuid import UUID

from graasp.accounts import service as accounts
from graasp.auth.gates import Caller
from graasp.avatars.errors import AccountNotFound
from graasp.db.database import Reader
from graasp.files.errors import UploadEmptyFile
from graasp.http.errors import Unauthorized
from graasp.http.uploads import UploadedFile
from graasp.platform import Platform, UnitOfWork
from graasp.thumbnails.errors import FileIsNotImage
from graasp.thumbnails.service import Size


async def replace(uow: UnitOfWork, caller: Caller, upload: UploadedFile | None) -> None:
    """Show the member by this picture from now on.

    Raises UploadEmptyFile, FileIsNotImage for what is declared as another type or can't be decoded, and
    UploadFileUnexpectedError.
    """
    if upload is None or not upload.size:
        raise UploadEmptyFile
    if "image" not in upload.content_type:
        raise FileIsNotImage
    thumbnails = uow.platform.thumbnails
    await thumbnails.store(upload.file, _prefix(caller.id), account_id=caller.id)
    if not await accounts.note_avatar(uow, caller.id):
        # Deleted while its picture was on the way.
        await thumbnails.remove(_prefix(caller.id))
        raise Unauthorized


async def url(platform: Platform, reader: Reader, account_id: UUID, size: Size) -> str | None:
    """A link to a picture; nothing for who has none.

    Raises AccountNotFound, the storage's own not-found error, and DownloadFileUnexpectedError.
    """
    has_avatar = await accounts.has_avatar(reader, account_id)
    if has_avatar is None:
        raise AccountNotFound(str(account_id))
    return await platform.thumbnails.url(_prefix(account_id), size) if has_avatar else None


async def remove(platform: Platform, account_id: UUID) -> None:
    """Delete the pictures of an account that is gone."""
    await platform.thumbnails.remove(_prefix(account_id))


def _prefix(account_id: UUID) -> str:
    return f"avatars/{account_id}"
