"""The publisher: sends statistics to CloudWatch, within the limits of PutMetricData."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tributary.aws import aws_client
from tributary.columns import ColumnKey
from tributary.errors import StorageError
from tributary.state import Collected
from tributary.statistics import Statistics, published_name
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ceil_to

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

NAMESPACE = "Tributary"
DEFAULT_METRICS = "cpu.utilization,memory.utilization,http.requests,http.responses.5xx"
# PutMetricData takes 1000 datums and 1 MB a request; 500 stay below both with the longest names.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_DATUMS_PER_REQUEST = 500
_OLDEST_TAKEN_MS = 14 * DAY_MS - HOUR_MS
# Where a crash leaves it unknown whether samples were sent, only ones younger than this go again.
_SENT_AGAIN_MS = 3 * HOUR_MS


@dataclass(frozen=True, slots=True)
class PublishRules:
    """Which metrics go to CloudWatch ($0.30 each a month), and how old their samples may be."""

    metrics: frozenset[str]
    max_age_ms: int

    @classmethod
    def from_env(cls) -> Self:
        """PUBLISHED_METRICS, comma-separated, and PUBLISH_MAX_AGE_HOURS, two weeks at most."""
        names = os.environ.get("PUBLISHED_METRICS", DEFAULT_METRICS).split(",")
        hours = float(os.environ.get("PUBLISH_MAX_AGE_HOURS", "3"))
        metrics = frozenset(name.strip() for name in names if name.strip())
        return cls(metrics, int(hours * HOUR_MS))

    def chooses(self, key: ColumnKey) -> bool:
        """Whether a column is published; `http.responses.5xx` stands for its rate too."""
        return key.metric in self.metrics or published_name(key.metric) in self.metrics

    def first_due(self, collected: Collected, now_ms: int) -> int:
        """The first minute to send: where sending stopped, the too old left out.

        Between `published_ms` and `publishing_ms` a run may have died before or after sending.
        """
        first_ms = max(collected.published_ms, self.oldest(now_ms))
        in_doubt_until_ms = min(collected.publishing_ms, now_ms - _SENT_AGAIN_MS)
        return ceil_to(MINUTE_MS, max(first_ms, in_doubt_until_ms))

    def oldest(self, now_ms: int) -> int:
        """The oldest minute that is sent."""
        return ceil_to(MINUTE_MS, now_ms - min(self.max_age_ms, _OLDEST_TAKEN_MS))


class Publisher:
    """Sends statistics once: the caller notes what it means to send, and afterwards that it did."""

    def __init__(
        self, client: "CloudWatchClient", rules: PublishRules, namespace: str = NAMESPACE
    ) -> None:
        self._client = client
        self.rules = rules
        self._namespace = namespace

    @classmethod
    def from_env(cls) -> Self:
        """CloudWatch, and the rules and METRICS_NAMESPACE that the environment names."""
        # One attempt: a request that timed out may have been taken, and CloudWatch adds up twins.
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=3,
            read_timeout=10,
        )
        namespace = os.environ.get("METRICS_NAMESPACE", NAMESPACE)
        return cls(aws_client("cloudwatch", config), PublishRules.from_env(), namespace)

    def send(self, statistics: Iterable[Statistics]) -> int:
        """Sends all and returns how many; raises StorageError at the first request refused."""
        sent = 0
        for batch in batched(statistics, _DATUMS_PER_REQUEST, strict=False):
            try:
                self._client.put_metric_data(
                    Namespace=self._namespace, MetricData=[_datum(one) for one in batch]
                )
            except (ClientError, BotoCoreError) as error:
                raise StorageError(f"CloudWatch took {sent} datums, then: {error}") from error
            sent += len(batch)
        return sent


def _datum(one: Statistics) -> "MetricDatumTypeDef":
    provider, account, _ = one.resource.split("/", 2)
    return {
        "MetricName": one.metric,
        "Dimensions": [
            {"Name": "Provider", "Value": provider},
            {"Name": "Account", "Value": account},
            {"Name": "Resource", "Value": one.resource},
        ],
        "Timestamp": datetime.fromtimestamp(one.minute_ms / SECOND_MS, UTC),
        "StatisticValues": {
            "SampleCount": one.count,
            "Sum": one.total,
            "Minimum": one.least,
            "Maximum": one.greatest,
        },
        "Unit": one.unit,  # type: ignore[typeddict-item]  # one of StandardUnit by the unit table
    }
