"""Certificates for the domain and its names: one for the load balancer, one, in Virginia, for CloudFront."""

from typing import NamedTuple

from cdktn import TerraformProvider, TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.acm_certificate import AcmCertificate
from cdktn_provider_aws.acm_certificate_validation import AcmCertificateValidation
from cdktn_provider_aws.route53_record import Route53Record

from infra.environments import Environment


class Certificates(NamedTuple):
    load_balancer: str
    cdn: str


def certificates(
    stack: TerraformStack, environment: Environment, zone: str, virginia: TerraformProvider
) -> Certificates:
    """The ARNs of certificates that are valid: applying waits until the authority has seen the record in DNS."""
    here = _certificate(stack, "certificate", environment, None)
    there = _certificate(stack, "cdn_certificate", environment, virginia)
    # Domain and wildcard are asked to prove themselves by one and the same record, in each region of the account.
    proof = here.domain_validation_options.get(0)
    record = Route53Record(
        stack,
        "certificate_proof",
        zone_id=zone,
        name=proof.resource_record_name,
        type=proof.resource_record_type,
        records=[proof.resource_record_value],
        ttl=300,
        allow_overwrite=True,
    )
    return Certificates(
        AcmCertificateValidation(
            stack, "certificate_valid", certificate_arn=here.arn, depends_on=[record]
        ).certificate_arn,
        AcmCertificateValidation(
            stack, "cdn_certificate_valid", certificate_arn=there.arn, depends_on=[record], provider=virginia
        ).certificate_arn,
    )


def _certificate(
    stack: TerraformStack, identifier: str, environment: Environment, provider: TerraformProvider | None
) -> AcmCertificate:
    return AcmCertificate(
        stack,
        identifier,
        domain_name=environment.domain,
        subject_alternative_names=[f"*.{environment.domain}"],
        validation_method="DNS",
        lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        provider=provider,
    )
