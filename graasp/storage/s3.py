"""Files in a bucket of an S3-compatible store."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote, unquote

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from graasp.http.errors import DomainError
from graasp.storage.disposition import attachment, is_active
from graasp.storage.errors import S3FileNotFound
from graasp.storage.protocol import StorageRefused, Stored, StoredFileNotFound, checked_key

_PART = 8 * 1024 * 1024
_PARALLEL_PARTS = 4
_CHUNK = 256 * 1024
_DELETED_AT_ONCE = 1000
_MISSING = {"404", "NoSuchKey", "NotFound"}


class S3Storage:
    """Objects of one bucket, addressed by path."""

    not_found: ClassVar[type[DomainError]] = S3FileNotFound

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, metadata: Mapping[str, str]
    ) -> int:
        where = {"Bucket": self._bucket, "Key": checked_key(key)}
        described = _described(content_type, metadata)
        parts = _parts(chunks)
        first = await anext(parts, b"")
        if len(first) < _PART:
            await self._client.put_object(**where, **described, Body=first)
            return len(first)
        upload = {
            **where,
            "UploadId": (await self._client.create_multipart_upload(**where, **described))["UploadId"],
        }
        try:
            return await self._upload_parts(upload, first, parts)
        except BaseException:
            # The reason is what counts, not that the storage does not even take its end.
            with suppress(BotoCoreError, ClientError):
                await asyncio.shield(self._client.abort_multipart_upload(**upload))
            raise

    async def _upload_parts(self, upload: dict[str, str], first: bytes, parts: AsyncIterator[bytes]) -> int:
        done: dict[int, str] = {}
        pending: set[asyncio.Task[None]] = set()
        size = 0

        async def send(number: int, part: bytes) -> None:
            answer = await self._client.upload_part(**upload, PartNumber=number, Body=part)
            done[number] = answer["ETag"]

        async def drain(at_most: int) -> None:
            nonlocal pending
            while len(pending) > at_most:
                finished, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    task.result()

        try:
            number = 1
            part: bytes | None = first
            while part:
                size += len(part)
                pending.add(asyncio.create_task(send(number, part)))
                await drain(_PARALLEL_PARTS - 1)
                number += 1
                part = await anext(parts, None)
            await drain(0)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        listed = [{"PartNumber": n, "ETag": tag} for n, tag in sorted(done.items())]
        await self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
        return size

    async def size(self, key: str) -> int | None:
        head = await self._head(key)
        return None if head is None else int(head["ContentLength"])

    async def describe(self, key: str) -> Stored | None:
        head = await self._head(key)
        if head is None:
            return None
        metadata = {name: unquote(value) for name, value in head["Metadata"].items()}
        modified_at = head["LastModified"].astimezone(UTC)
        etag = head["ETag"].strip('"')
        return Stored(int(head["ContentLength"]), head["ContentType"], metadata, etag, modified_at)

    async def _head(self, key: str) -> Any:
        try:
            return await self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
        except ClientError as error:
            if _is_missing(error):
                return None
            raise

    async def open(self, key: str, part: range | None = None) -> AsyncIterator[bytes]:
        wanted = {"Range": f"bytes={part.start}-{part.stop - 1}"} if part else {}
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=checked_key(key), **wanted)
        except ClientError as error:
            if _is_missing(error):
                raise StoredFileNotFound(key) from None
            raise
        async with answer["Body"] as body:
            async for chunk in body.iter_chunks(_CHUNK):
                yield chunk

    async def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> None:
        head = await self._head(source)
        if head is None:
            raise StoredFileNotFound(source)
        await self._client.copy_object(
            Bucket=self._bucket,
            Key=checked_key(target),
            CopySource={"Bucket": self._bucket, "Key": source},
            MetadataDirective="REPLACE",
            **_described(head["ContentType"], metadata),
        )

    async def delete(self, *keys: str) -> None:
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            objects = [{"Key": checked_key(key)} for key in keys[start : start + _DELETED_AT_ONCE]]
            answer = await self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if refused := answer.get("Errors"):
                raise StorageRefused(f"{len(refused)} objects not deleted: {refused[0].get('Code')}")

    async def delete_folder(self, prefix: str) -> None:
        await self.delete(*[key async for key in self.list(prefix)])

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        async for entry in self._entries("list_objects_v2", "Contents", prefix):
            yield entry["Key"]

    async def list_older(self, prefix: str, before: datetime) -> AsyncIterator[str]:
        async for entry in self._entries("list_objects_v2", "Contents", prefix):
            if entry["LastModified"] < before:
                yield entry["Key"]

    async def drop_unfinished(self, prefix: str, before: datetime) -> int:
        dropped = 0
        async for upload in self._entries("list_multipart_uploads", "Uploads", prefix):
            if upload["Initiated"] < before:
                await self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
                dropped += 1
        return dropped

    async def _entries(self, operation: str, part: str, prefix: str) -> AsyncIterator[dict[str, Any]]:
        pages = self._client.get_paginator(operation)
        begin = f"{checked_key(prefix)}/" if prefix else ""
        async for page in pages.paginate(Bucket=self._bucket, Prefix=begin):
            for entry in page.get(part, []):
                yield entry

    async def url(self, key: str, *, expires: timedelta, download_name: str | None = None) -> str:
        params = {"Bucket": self._bucket, "Key": checked_key(key)}
        if download_name is not None:
            params["ResponseContentDisposition"] = attachment(download_name)
        signed: str = await self._client.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=int(expires.total_seconds())
        )
        return signed


class Bucket(NamedTuple):
    """A bucket and the credentials for it; settings are complete where one is named."""

    name: str | None
    region: str | None
    access_key_id: str | None
    secret_access_key: SecretStr | None


@asynccontextmanager
async def open_s3_storage(bucket: Bucket, endpoint: str | None) -> AsyncIterator[S3Storage]:
    """One client per process; without an endpoint, of AWS."""
    assert bucket.name is not None
    assert bucket.secret_access_key is not None
    client = get_session().create_client(
        "s3",
        region_name=bucket.region,
        endpoint_url=endpoint,
        aws_access_key_id=bucket.access_key_id,
        aws_secret_access_key=bucket.secret_access_key.get_secret_value(),
        config=AioConfig(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=20,
            retries={"max_attempts": 3, "mode": "standard"},
        ),
    )
    async with client as opened:
        yield S3Storage(opened, bucket.name)


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream in pieces of one part's size; the last one may be smaller."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _PART:
            yield bytes(buffer[:_PART])
            del buffer[:_PART]
    if buffer:
        yield bytes(buffer)


def _described(content_type: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {"ContentType": content_type, "Metadata": _ascii(metadata)}
    # Whatever link leads to it: what a browser could run is only ever saved.
    return described | ({"ContentDisposition": "attachment"} if is_active(content_type) else {})


def _is_missing(error: ClientError) -> bool:
    return str(error.response.get("Error", {}).get("Code")) in _MISSING


def _ascii(metadata: Mapping[str, str]) -> dict[str, str]:
    # Object metadata travels in HTTP headers.
    return {name: quote(value, safe=" -_.") for name, value in metadata.items()}
