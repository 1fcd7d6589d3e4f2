"""CloudFront, in front of the public buckets, which only it can read."""

from pathlib import Path

from cdktn import Fn, TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.cloudfront_distribution import (
    CloudfrontDistribution,
    CloudfrontDistributionOrigin,
    CloudfrontDistributionRestrictions,
    CloudfrontDistributionRestrictionsGeoRestriction,
    CloudfrontDistributionViewerCertificate,
)
from cdktn_provider_aws.cloudfront_distribution import (
    CloudfrontDistributionCustomErrorResponse as ErrorPage,
)
from cdktn_provider_aws.cloudfront_distribution import (
    CloudfrontDistributionDefaultCacheBehavior as Behavior,
)
from cdktn_provider_aws.cloudfront_distribution import (
    CloudfrontDistributionDefaultCacheBehaviorFunctionAssociation as FunctionAssociation,
)
from cdktn_provider_aws.cloudfront_function import CloudfrontFunction
from cdktn_provider_aws.cloudfront_origin_access_control import CloudfrontOriginAccessControl
from cdktn_provider_aws.cloudfront_response_headers_policy import CloudfrontResponseHeadersPolicy
from cdktn_provider_aws.cloudfront_response_headers_policy import (
    CloudfrontResponseHeadersPolicySecurityHeadersConfig as SecurityHeaders,
)
from cdktn_provider_aws.cloudfront_response_headers_policy import (
    CloudfrontResponseHeadersPolicySecurityHeadersConfigContentTypeOptions as ContentTypeOptions,
)
from cdktn_provider_aws.cloudfront_response_headers_policy import (
    CloudfrontResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurity as StrictTransport,
)

from graasp.deployment.aws_names import GUARDED_DISTRIBUTIONS
from graasp.deployment.states import STATES, Service, State
from infra.buckets import PUBLISHED, Buckets
from infra.environments import Environment
from infra.inputs import Inputs

# Made by AWS, the same in every account.
_CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_ORIGIN_HEADERS_FOR_S3 = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
_YEAR_S = 31_536_000


class Cdn:
    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        state: State,
        inputs: Inputs,
        buckets: Buckets,
        certificate: str,
    ) -> None:
        self._stack = stack
        self._environment = environment
        self._certificate = certificate
        self._check = CloudfrontFunction(
            stack,
            "maintenance_check",
            name=environment.names.maintenance_function,
            runtime="cloudfront-js-2.0",
            comment="Asks for the maintenance header; attached wherever the state asks for it.",
            publish=True,
            code=_check_of(environment, inputs),
        )
        self._access = CloudfrontOriginAccessControl(
            stack,
            "bucket_access",
            name=environment.names.cluster,
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
        )
        self._headers = CloudfrontResponseHeadersPolicy(
            stack,
            "static_headers",
            name=f"{environment.names.cluster}-static",
            # Frames are allowed: that is how apps and H5P content are shown.
            security_headers_config=SecurityHeaders(
                content_type_options=ContentTypeOptions(override=True),
                strict_transport_security=StrictTransport(
                    access_control_max_age_sec=_YEAR_S, include_subdomains=True, preload=True, override=True
                ),
            ),
        )
        guarded = Service.CORE in STATES[state].guarded
        self.distributions = {
            name: self._distribution(name, buckets, guarded=guarded and name in GUARDED_DISTRIBUTIONS)
            for name in PUBLISHED
        }
        for name, distribution in self.distributions.items():
            buckets.let_read(name, distribution.arn)

    def _distribution(self, name: str, buckets: Buckets, *, guarded: bool) -> CloudfrontDistribution:
        check = FunctionAssociation(event_type="viewer-request", function_arn=self._check.arn)
        return CloudfrontDistribution(
            self._stack,
            f"cdn_{name}",
            comment=self._environment.names.distribution(name),
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class="PriceClass_100",
            aliases=[self._environment.host(name)],
            default_root_object="index.html",
            origin=[
                CloudfrontDistributionOrigin(
                    origin_id=name,
                    domain_name=buckets.of(name).bucket_regional_domain_name,
                    origin_access_control_id=self._access.id,
                )
            ],
            default_cache_behavior=Behavior(
                target_origin_id=name,
                allowed_methods=["GET", "HEAD", "OPTIONS"],
                cached_methods=["GET", "HEAD"],
                viewer_protocol_policy="redirect-to-https",
                compress=True,
                cache_policy_id=_CACHING_OPTIMIZED,
                origin_request_policy_id=_ORIGIN_HEADERS_FOR_S3,
                response_headers_policy_id=self._headers.id,
                function_association=[check] if guarded else None,
            ),
            # Without the right to list a bucket, what is missing is forbidden.
            custom_error_response=[
                ErrorPage(
                    error_code=code,
                    response_code=200,
                    response_page_path="/index.html",
                    error_caching_min_ttl=10,
                )
                for code in (403, 404)
            ],
            restrictions=CloudfrontDistributionRestrictions(
                geo_restriction=CloudfrontDistributionRestrictionsGeoRestriction(restriction_type="none")
            ),
            viewer_certificate=CloudfrontDistributionViewerCertificate(
                acm_certificate_arn=self._certificate,
                ssl_support_method="sni-only",
                minimum_protocol_version="TLSv1.2_2021",
            ),
            # `graasp state` attaches the function, and takes it off.
            lifecycle=TerraformResourceLifecycle(
                ignore_changes=["default_cache_behavior[0].function_association"]
            )
            if name in GUARDED_DISTRIBUTIONS
            else None,
        )


def _check_of(environment: Environment, inputs: Inputs) -> str:
    code = Path(__file__).with_name("maintenance_check.js").read_text()
    values = {
        # Names are in small letters where the function sees them.
        "@HEADER_NAME@": Fn.lower(inputs.header_name),
        "@HEADER_DIGEST@": Fn.sha256(inputs.header_secret),
        "@MAINTENANCE_SITE@": f"https://{environment.host('maintenance')}",
    }
    for placeholder, value in values.items():
        code = code.replace(placeholder, value)
    return code
