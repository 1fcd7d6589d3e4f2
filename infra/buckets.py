"""Buckets: all private, encrypted, versioned. What the public sees of them, it sees through CloudFront or signed links."""

from collections.abc import Sequence

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.iam_user import IamUser
from cdktn_provider_aws.iam_user_policy import IamUserPolicy
from cdktn_provider_aws.s3_bucket import S3Bucket
from cdktn_provider_aws.s3_bucket_cors_configuration import (
    S3BucketCorsConfiguration,
)
from cdktn_provider_aws.s3_bucket_cors_configuration import (
    S3BucketCorsConfigurationCorsRule as CorsRule,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import S3BucketLifecycleConfiguration
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRule as LifecycleRule,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload as AbortIncomplete,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleExpiration as Expiration,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleFilter as Filter,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration as OldVersions,
)
from cdktn_provider_aws.s3_bucket_ownership_controls import (
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
)
from cdktn_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktn_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktn_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA as Encryption,
)
from cdktn_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationRuleA as EncryptionRule,
)
from cdktn_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA as ByDefault,
)
from cdktn_provider_aws.s3_bucket_versioning import (
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)

from infra.environments import Environment
from infra.permissions import Statement, allow, document

FILE_ITEMS = "file-items"
H5P = "h5p"
# Each is behind a distribution of this name.
PUBLISHED = (H5P, "maintenance", "apps", "assets")
_OLD_VERSIONS_DAYS = 30
_LOGS_DAYS = 90


class Buckets:
    def __init__(self, stack: TerraformStack, environment: Environment) -> None:
        self._stack = stack
        self._environment = environment
        self._made = {name: self._bucket(name) for name in (FILE_ITEMS, *PUBLISHED)}
        self._policies = {name: [self._only_encrypted(bucket)] for name, bucket in self._made.items()}
        self._share()
        self.access_logs = self._log_bucket()
        self._product_user()

    def of(self, name: str) -> S3Bucket:
        return self._made[name]

    def let_read(self, name: str, distribution_arn: str) -> None:
        """The distribution, and nobody else."""
        self._policies[name].append(
            {
                **allow(["s3:GetObject"], f"{self._made[name].arn}/*"),
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
            }
        )

    def write_policies(self) -> None:
        """Once everything that reads from buckets has been named."""
        for name, statements in self._policies.items():
            self._policy(name, self._made[name], statements)

    def objects_of(self, *names: str, actions: Sequence[str]) -> list[Statement]:
        """What lets somebody work with the objects, and list them."""
        arns = [self._made[name].arn for name in names]
        return [
            allow(actions, *(f"{arn}/*" for arn in arns)),
            allow(["s3:ListBucket", "s3:ListBucketMultipartUploads"], *arns),
        ]

    def _bucket(self, name: str) -> S3Bucket:
        bucket = S3Bucket(
            self._stack,
            f"bucket_{name}",
            bucket=self._environment.bucket(name),
            lifecycle=TerraformResourceLifecycle(prevent_destroy=True),
        )
        self._close(name, bucket)
        # Delete markers go with the last version of what was deleted.
        self._tidy(name, bucket, Expiration(expired_object_delete_marker=True))
        return bucket

    def _close(self, name: str, bucket: S3Bucket) -> None:
        S3BucketPublicAccessBlock(
            self._stack,
            f"bucket_{name}_closed",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        S3BucketOwnershipControls(
            self._stack,
            f"bucket_{name}_owner",
            bucket=bucket.id,
            rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
        )
        Encryption(
            self._stack,
            f"bucket_{name}_encrypted",
            bucket=bucket.id,
            rule=[EncryptionRule(apply_server_side_encryption_by_default=ByDefault(sse_algorithm="AES256"))],
        )

    def _tidy(self, name: str, bucket: S3Bucket, expiration: Expiration) -> None:
        """What was overwritten or deleted can be had back for a while; what was never finished goes."""
        S3BucketVersioningA(
            self._stack,
            f"bucket_{name}_versions",
            bucket=bucket.id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        S3BucketLifecycleConfiguration(
            self._stack,
            f"bucket_{name}_lifecycle",
            bucket=bucket.id,
            rule=[
                LifecycleRule(
                    id="tidy",
                    status="Enabled",
                    filter=[Filter(prefix="")],
                    abort_incomplete_multipart_upload=[AbortIncomplete(days_after_initiation=7)],
                    noncurrent_version_expiration=[OldVersions(noncurrent_days=_OLD_VERSIONS_DAYS)],
                    expiration=[expiration],
                )
            ],
        )

    def _share(self) -> None:
        """Who may read with scripts. Browsers write nothing: files are uploaded through the core."""
        host = self._environment.host
        everybody = CorsRule(allowed_methods=["GET", "HEAD"], allowed_origins=["*"], allowed_headers=["*"])
        pages = [f"https://{self._environment.domain}", host("builder"), host("player")]
        origins = {
            FILE_ITEMS: everybody,
            H5P: CorsRule(
                allowed_methods=["GET"],
                allowed_origins=[origin if "://" in origin else f"https://{origin}" for origin in pages],
                allowed_headers=["*"],
            ),
        }
        for name, rule in origins.items():
            S3BucketCorsConfiguration(
                self._stack, f"bucket_{name}_sharing", bucket=self._made[name].id, cors_rule=[rule]
            )

    def _log_bucket(self) -> S3Bucket:
        name = "access-logs"
        bucket = S3Bucket(
            self._stack, f"bucket_{name}", bucket=self._environment.bucket(name), force_destroy=False
        )
        self._close(name, bucket)
        self._tidy(name, bucket, Expiration(days=_LOGS_DAYS))
        self._policy(
            name,
            bucket,
            [
                self._only_encrypted(bucket),
                {
                    **allow(["s3:PutObject"], f"{bucket.arn}/*"),
                    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                },
            ],
        )
        return bucket

    def _policy(self, name: str, bucket: S3Bucket, statements: Sequence[Statement]) -> None:
        S3BucketPolicy(self._stack, f"bucket_{name}_policy", bucket=bucket.id, policy=document(statements))

    def _only_encrypted(self, bucket: S3Bucket) -> Statement:
        return {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket.arn, f"{bucket.arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }

    def _product_user(self) -> None:
        """The core takes keys, not roles. They are made by hand, filled in, and changed every now and then.

        Nothing else is open to them: neither another bucket, nor the settings of these.
        """
        name = f"graasp-{self._environment.name}-files"
        user = IamUser(self._stack, "files_user", name=name)
        IamUserPolicy(
            self._stack,
            "files_user_permissions",
            name=name,
            user=user.name,
            policy=document(
                self.objects_of(
                    FILE_ITEMS,
                    H5P,
                    actions=[
                        "s3:GetObject",
                        "s3:PutObject",
                        "s3:DeleteObject",
                        "s3:AbortMultipartUpload",
                        "s3:ListMultipartUploadParts",
                    ],
                )
            ),
        )
