"""Environments for what runs locally, with nothing of the user's AWS settings in them."""

import os
import platform
from collections.abc import Mapping
from typing import Literal

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"  # moto's account

Architecture = Literal["arm64", "x86_64"]

_FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# How this machine reaches the network: the real providers may be out of reach without them.
_NETWORK_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
_NO_PROXY = "127.0.0.1,localhost"


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with every AWS setting replaced by one that reaches nothing."""
    ours = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return ours | _FAKE_AWS | {"NO_PROXY": _NO_PROXY, "no_proxy": _NO_PROXY}


def leave_aws_behind() -> None:
    """Does the same to this very process, before any AWS client is made in it."""
    scrubbed = without_aws(os.environ)
    os.environ.clear()
    os.environ.update(scrubbed)


def bare() -> dict[str, str]:
    """What a program started locally is given: a path, fake credentials, the network's ways."""
    network = {name: os.environ[name] for name in _NETWORK_VARIABLES if name in os.environ}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONUTF8": "1",
        "NO_PROXY": _NO_PROXY,
        "no_proxy": _NO_PROXY,
        **network,
        **_FAKE_AWS,
    }


def architecture() -> Architecture:
    """This machine's, in AWS's words."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
