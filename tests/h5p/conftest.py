"""Who imports packages, and what of them is in storage."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import boto3
import httpx
import pytest

from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory

PACKAGES = "h5p-items"


@pytest.fixture
def package_bucket(s3_endpoint: str) -> str:
    client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=PACKAGES)
    return PACKAGES


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, make_settings: Callable[..., Settings], tmp_path: Any
) -> Settings:
    """Packages are kept with the files, on disk or in a `shared` bucket, or in a `local` or `s3` storage of their own."""
    kind = getattr(request, "param", None)
    limits = {"max_h5p_bytes": 200_000, "max_unpacked_h5p_bytes": 2_000_000, "max_h5p_entries": 50}
    if kind == "local":
        return make_settings(
            **limits, h5p_file_storage_type="local", h5p_storage_root_path=tmp_path / "packages"
        )
    if kind == "s3":
        return make_settings(
            **limits,
            h5p_file_storage_type="s3",
            h5p_path_prefix=f"deployed-{uuid4()}/",
            h5p_content_region="us-east-1",
            h5p_content_bucket=request.getfixturevalue("package_bucket"),
            h5p_content_access_key_id="key",
            h5p_content_secret_access_key_id="secret",
            s3_file_item_host=request.getfixturevalue("s3_endpoint"),
        )
    if kind == "shared":
        shared: Settings = request.getfixturevalue("s3_settings")
        return shared.model_copy(update={**limits, "h5p_path_prefix": f"shared-{uuid4()}/"})
    return make_settings(**limits)


everywhere = pytest.mark.parametrize("settings", [None, "local", "s3"], indirect=True)


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
def send(
    client: httpx.AsyncClient, anna: Any, cookie_for: Callable[[UUID], dict[str, str]]
) -> Callable[..., Any]:
    """Import a package as Anna, or as told by the headers."""

    async def post(content: bytes, name: str = "Course.h5p", query: str = "", **options: Any) -> Any:
        headers = options.pop("headers", None) or cookie_for(anna["id"])
        files = [("files", (name, content, "application/zip"))]
        return await client.post(f"/api/items/h5p-import{query}", files=files, headers=headers)

    return post


@pytest.fixture
def stored(platform: Platform) -> Callable[[], Any]:
    """`await stored()`: `{key below the prefix: bytes}` of all packages."""

    async def read() -> dict[str, bytes]:
        prefix = platform.settings.h5p_path_prefix.strip("/")

        async def content(key: str) -> bytes:
            chunks: AsyncIterator[bytes] = platform.packages.open(key)
            return b"".join([chunk async for chunk in chunks])

        keys = [key async for key in platform.packages.list(prefix)]
        return {key.removeprefix(f"{prefix}/"): await content(key) for key in keys}

    return read
