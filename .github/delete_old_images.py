"""Deletes of a repository on ECR what no release needs: `delete_old_images.py REPOSITORY`.

That is images that no tag names, and nightly ones older than a month. Of an image for several processors the list goes
in one run, what it refers to in a later one: ECR keeps what is referred to.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

_NIGHTLY = re.compile(r"[a-z]+-nightly-\d{8}-[0-9a-f]{7}")
_KEPT = timedelta(days=30)
_BATCH = 100


def main(repository: str) -> None:
    client = boto3.client("ecr")
    old = list(_old(client, repository, datetime.now(UTC) - _KEPT))
    for start in range(0, len(old), _BATCH):
        answer = client.batch_delete_image(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in old[start : start + _BATCH]],
        )
        print(f"deleted {len({image['imageDigest'] for image in answer['imageIds']})}")
        for failure in answer["failures"]:
            print(f"kept {failure['imageId']['imageDigest']}: {failure['failureReason']}")


def _old(client: Any, repository: str, before: datetime) -> Iterator[str]:
    for page in client.get_paginator("describe_images").paginate(repositoryName=repository):
        for image in page["imageDetails"]:
            tags = image.get("imageTags", [])
            is_nightly = bool(tags) and all(_NIGHTLY.fullmatch(tag) for tag in tags)
            if not tags or (is_nightly and image["imagePushedAt"] < before):
                yield image["imageDigest"]


if __name__ == "__main__":
    main(sys.argv[1])
