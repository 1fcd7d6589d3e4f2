"""Database, Redis, buckets, CloudFront: closed, encrypted, and kept."""

import json

import pytest

from tests.infra.synthesised import Synthesised, referred_to

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

BUCKETS = {"file-items", "h5p", "maintenance", "apps", "assets", "access-logs"}


def test_the_database_is_encrypted_backed_up_and_not_deleted_by_mistake(running: Synthesised) -> None:
    database = running.only("aws_db_instance")
    assert database["engine"] == "postgres"
    assert database["engine_version"].startswith("16.")
    assert database["storage_encrypted"] is True
    assert database["deletion_protection"] is True
    assert database["lifecycle"]["prevent_destroy"] is True
    assert database["skip_final_snapshot"] is False
    assert database["backup_retention_period"] == (1 if running.environment == "dev" else 7)
    assert database["multi_az"] is (running.environment == "prod")
    parameters = {each["name"]: each["value"] for each in running.only("aws_db_parameter_group")["parameter"]}
    assert parameters["rds.force_ssl"] == "1"


def test_every_way_to_the_database_and_to_redis_is_encrypted(running: Synthesised) -> None:
    written = running.all("aws_secretsmanager_secret_version")
    assert "sslmode=require" in written["secret_database_value"]["secret_string_wo"]
    assert "ssl=true" in written["secret_database_web_value"]["secret_string_wo"]
    assert "sslmode=no-verify" in written["secret_database_umami_value"]["secret_string_wo"]
    etherpad = running.containers("etherpad")["etherpad"]["environment"]
    assert {"name": "PGSSLMODE", "value": "no-verify"} in etherpad
    assert '"rediss://:' in written["secret_redis_value"]["secret_string_wo"]


def test_redis_forgets_nothing_and_asks_for_a_password(running: Synthesised) -> None:
    redis = running.only("aws_elasticache_replication_group")
    assert redis["transit_encryption_enabled"] is True
    assert redis["transit_encryption_mode"] == "required"
    assert redis["auth_token_wo"].startswith("${ephemeral.")
    assert redis["snapshot_retention_limit"] >= 1
    assert redis["automatic_failover_enabled"] is (running.environment == "prod")
    [policy] = running.only("aws_elasticache_parameter_group")["parameter"]
    assert policy == {"name": "maxmemory-policy", "value": "noeviction"}


def test_buckets_are_closed_encrypted_versioned_and_tidied(running: Synthesised) -> None:
    buckets = running.all("aws_s3_bucket")
    assert {bucket["bucket"] for bucket in buckets.values()} == {
        f"graasp-{running.environment}-{name}" for name in BUCKETS
    }
    for kind in (
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
    ):
        assert {referred_to(each["bucket"]) for each in running.all(kind).values()} == set(buckets), kind
    for block in running.all("aws_s3_bucket_public_access_block").values():
        assert all(
            value is True for key, value in block.items() if key.startswith(("block", "ignore", "restrict"))
        )
    for lifecycle in running.all("aws_s3_bucket_lifecycle_configuration").values():
        [rule] = lifecycle["rule"]
        assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
        assert rule["status"] == "Enabled"


def test_nobody_reads_a_bucket_in_clear_and_only_its_distribution_reads_it_at_all(
    running: Synthesised,
) -> None:
    for name, policy in running.all("aws_s3_bucket_policy").items():
        bucket = name.removeprefix("bucket_").removesuffix("_policy")
        denied, *allowed = json.loads(policy["policy"])["Statement"]
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        if bucket == "file-items":
            assert allowed == []
        elif bucket == "access-logs":
            [statement] = allowed
            assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
        else:
            [statement] = allowed
            assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
            assert statement["Action"] == ["s3:GetObject"]
            source = statement["Condition"]["StringEquals"]["AWS:SourceArn"]
            assert source == f"${{aws_cloudfront_distribution.cdn_{bucket}.arn}}"


def test_pages_read_files_with_scripts_and_write_none(running: Synthesised) -> None:
    for sharing in running.all("aws_s3_bucket_cors_configuration").values():
        for rule in sharing["cors_rule"]:
            assert set(rule["allowed_methods"]) <= {"GET", "HEAD"}
            assert "null" not in rule["allowed_origins"]


def test_the_products_keys_open_its_two_buckets_and_nothing_else(running: Synthesised) -> None:
    policy = json.loads(running.only("aws_iam_user_policy")["policy"])
    resources = {resource for statement in policy["Statement"] for resource in statement["Resource"]}
    assert {referred_to(resource.removesuffix("/*")) for resource in resources} == {
        "bucket_file-items",
        "bucket_h5p",
    }
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
    }
    # Keys that Terraform made would be in its state.
    assert "aws_iam_access_key" not in running.document["resource"]


def test_distributions_read_private_buckets_and_speak_https_alone(running: Synthesised) -> None:
    for name, distribution in running.all("aws_cloudfront_distribution").items():
        [origin] = distribution["origin"]
        assert (
            origin["origin_access_control_id"] == "${aws_cloudfront_origin_access_control.bucket_access.id}"
        )
        assert "custom_origin_config" not in origin
        assert distribution["default_cache_behavior"]["viewer_protocol_policy"] == "redirect-to-https"
        assert distribution["viewer_certificate"]["minimum_protocol_version"] == "TLSv1.2_2021"
        assert distribution["aliases"] == [f"{name.removeprefix('cdn_')}.{running.domain}"]
        assert {
            error["error_code"]: error["response_code"] for error in distribution["custom_error_response"]
        } == {
            403: 200,
            404: 200,
        }
