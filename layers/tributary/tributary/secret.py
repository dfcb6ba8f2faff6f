"""A secret: its text in Secrets Manager, kept for some minutes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tributary.aws import aws_client
from tributary.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300.0


class Secret:
    """Reads a secret at most every `kept_seconds` unless asked to read anew.

    `clock` gives Unix seconds: a monotonic one may stand still while an instance is frozen.
    Powertools' parameters would do the same, but import boto3 and three more services for it.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        name: str,
        clock: Callable[[], float] = time.time,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._client = client
        self._kept_seconds = kept_seconds
        self._name = name
        self._clock = clock
        # One attribute for both, so that threads see a text with its own time.
        self._kept: tuple[str, float] | None = None

    @classmethod
    def of(cls, name: str, kept_seconds: float = KEPT_SECONDS) -> Self:
        """The secret of that name or ARN, in the environment's account."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5
        )
        return cls(aws_client("secretsmanager", config), name, kept_seconds=kept_seconds)

    def text(self, *, anew: bool = False) -> str:
        """What the secret holds, empty if that is no text.

        Raises StorageError, which never tells what it holds, where Secrets Manager does not answer.
        """
        now = self._clock()
        if not anew and self._kept and now < self._kept[1]:
            return self._kept[0]
        try:
            answer = self._client.get_secret_value(SecretId=self._name)
        except (ClientError, BotoCoreError) as error:
            raise StorageError(f"reading the secret {self._name}: {error}") from error
        text = answer.get("SecretString", "")
        self._kept = text, now + self._kept_seconds
        return text
