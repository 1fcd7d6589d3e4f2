"""What must not leave in a log line, a trace or an error report, whoever wrote it."""

import re

# Nothing tells these on purpose; texts of errors quote what they were about.
_SECRETS = re.compile(
    r"""(?P<before>/downloads/|[?&](?:t|signature|X-Amz-Signature)=|session=|Bearer[ ])[^\s"'&;<>\\]+
    | eyJ[\w-]+\.[\w-]+\.[\w-]*
    | (?<=://)[^\s/:@"'\\]*:[^\s/@"'\\]+(?=@)""",
    re.VERBOSE,
)


def without_secrets(text: str) -> str:
    """The text without tokens, cookies, signatures and passwords in URLs."""
    return _SECRETS.sub(lambda found: f"{found['before'] or ''}***", text)
