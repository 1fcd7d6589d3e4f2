"""Secrets: in the Secrets Manager alone, neither in what is written out here nor in Terraform's state.

Most are made while the stack is applied, and written once: Terraform forgets them at once, and who adopts an
installation puts its own in their place. What others give out (keys of mail, storage, captcha) is filled in by hand.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cdktn import Fn, TerraformOutput, TerraformStack, Token
from cdktn_provider_aws.ephemeral_aws_secretsmanager_random_password import (
    EphemeralAwsSecretsmanagerRandomPassword,
)
from cdktn_provider_aws.secretsmanager_secret import SecretsmanagerSecret
from cdktn_provider_aws.secretsmanager_secret_version import SecretsmanagerSecretVersion

from infra.environments import Environment
from infra.inputs import HEADER_NAME, HEADER_SECRET, Inputs

# Raising it makes all of them anew at the next `apply`: everybody is signed out then.
_MADE = 1

# Filled in by hand, before the first start: what is missing keeps a task from starting, and ECS says which it is.
FILLED_IN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "product": (
            "MAILER_CONNECTION",
            "RECAPTCHA_SECRET_ACCESS_KEY",
            "ETHERPAD_API_KEY",
            "GEOLOCATION_API_KEY",
            "APPS_PUBLISHER_ID",
            "OPENAI_API_KEY",
            "SENTRY_DSN",
            "S3_FILE_ITEM_ACCESS_KEY_ID",
            "S3_FILE_ITEM_SECRET_ACCESS_KEY",
            "H5P_CONTENT_ACCESS_KEY_ID",
            "H5P_CONTENT_SECRET_ACCESS_KEY_ID",
        ),
        "web": (
            "UMAMI_USERNAME",
            "UMAMI_PASSWORD",
            "UMAMI_WEBSITE_ID",
            "RECAPTCHA_SITE_KEY",
            "SENTRY_DSN",
            "GRAASP_APP_KEY",
            "OPENAI_API_KEY",
        ),
    }
)


class Reference(NamedTuple):
    """One value in a secret: ECS reads it when a task starts."""

    secret: str
    key: str

    @property
    def value_from(self) -> str:
        return f"{self.secret}:{self.key}::"


class Secrets:
    def __init__(self, stack: TerraformStack, environment: Environment, inputs: Inputs) -> None:
        self._stack = stack
        self._environment = environment
        self.keys = self._made(
            "keys",
            "What sessions, links and services of the product are signed or protected with.",
            {
                "SECURE_SESSION_SECRET_KEY": self._digits("session_key"),
                "JWT_SECRET": self.password("jwt"),
                "PASSWORD_RESET_JWT_SECRET": self.password("password_reset"),
                "EMAIL_CHANGE_JWT_SECRET": self.password("email_change"),
                "DASHBOARD_PASSWORD": self.password("dashboard"),
            },
        )
        self.shared = self._made(
            "shared",
            "What web and the product, or the product and the search, both know.",
            {
                "APPS_JWT_SECRET": self.password("apps"),
                "ADMIN_SHARED_SECRET": self.password("admin_shared"),
                "MEILISEARCH_MASTER_KEY": self.password("meilisearch"),
                "MEILISEARCH_REBUILD_SECRET": self.password("meilisearch_rebuild"),
            },
        )
        self.web = self._made(
            "web-keys",
            "Web's own.",
            {"SECRET_KEY_BASE": self.password("web_key_base"), "RELEASE_COOKIE": self.password("web_cookie")},
        )
        self.umami = self._made("umami", "Umami's own.", {"APP_SECRET": self.password("umami")})
        self.header = self._written(
            "maintenance_header",
            environment.names.header_secret,
            "The header that passes under maintenance; the driver of the states reads it.",
            {HEADER_NAME: inputs.header_name, HEADER_SECRET: inputs.header_secret},
            # A number that changes with what it says: another header is written at once.
            version=_number_of(Fn.join("=", [inputs.header_name, inputs.header_secret])),
        )
        self._filled_in = {
            name: SecretsmanagerSecret(
                stack,
                f"secret_filled_in_{name}",
                name=f"graasp/{environment.name}/filled-in/{name}",
                description=f"Filled in by hand, as JSON: {', '.join(keys)}.",
                recovery_window_in_days=7,
            ).arn
            for name, keys in FILLED_IN.items()
        }
        TerraformOutput(
            stack,
            "secrets_to_fill_in",
            value={
                f"graasp/{environment.name}/filled-in/{name}": list(keys) for name, keys in FILLED_IN.items()
            },
        )

    def filled_in(self, name: str) -> dict[str, Reference]:
        return {key: Reference(self._filled_in[name], key) for key in FILLED_IN[name]}

    def password(self, identifier: str) -> str:
        """Letters and digits, fit for addresses. Only for what Terraform does not keep."""
        return EphemeralAwsSecretsmanagerRandomPassword(
            self._stack, f"made_{identifier}", password_length=48, exclude_punctuation=True
        ).random_password

    def _digits(self, identifier: str) -> str:
        """32 bytes in hexadecimal."""
        return EphemeralAwsSecretsmanagerRandomPassword(
            self._stack,
            f"made_{identifier}",
            password_length=64,
            exclude_punctuation=True,
            exclude_uppercase=True,
            exclude_characters="ghijklmnopqrstuvwxyz",
            require_each_included_type=False,
        ).random_password

    def _made(self, name: str, description: str, values: Mapping[str, str]) -> dict[str, Reference]:
        return self._written(
            name.replace("-", "_"), f"graasp/{self._environment.name}/{name}", description, values
        )

    def connection(self, name: str, description: str, values: Mapping[str, str]) -> dict[str, Reference]:
        """The addresses of a data store, with the passwords in them."""
        return self._made(name, description, values)

    def _written(
        self, identifier: str, name: str, description: str, values: Mapping[str, str], version: float = _MADE
    ) -> dict[str, Reference]:
        secret = SecretsmanagerSecret(
            self._stack, f"secret_{identifier}", name=name, description=description, recovery_window_in_days=7
        )
        SecretsmanagerSecretVersion(
            self._stack,
            f"secret_{identifier}_value",
            secret_id=secret.id,
            secret_string_wo=Fn.jsonencode(dict(values)),
            secret_string_wo_version=version,
        )
        return {key: Reference(secret.arn, key) for key in values}


def _number_of(text: str) -> float:
    return Token.as_number(Fn.parseint(Fn.substr(Fn.sha256(text), 0, 7), 16))
