"""Publishing: what a minute's completion sends, once, and what crashes and failures change."""

from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest

from local.providers import serve
from tests.dynamodb import TABLE
from tests.layer.collecting import BACKUP, DEFAULT_RULES, STAGING, WEB_1, WEB_2, Fleet
from tests.layer.put_metric_data import CloudWatch
from tests.layer.samples import TEN, key
from tributary.errors import StorageError
from tributary.publisher import Publisher, PublishRules
from tributary.state import Collected, ShardState, States
from tributary.statistics import Statistics
from tributary.windows import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RULES = PublishRules(frozenset({"cpu.utilization", "http.responses.5xx"}), 3 * HOUR_MS)


def test_rules_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHED_METRICS", " cpu.utilization, ,disk.read")
    monkeypatch.setenv("PUBLISH_MAX_AGE_HOURS", "0.5")

    assert PublishRules.from_env() == PublishRules(
        frozenset({"cpu.utilization", "disk.read"}), 1_800_000
    )


def test_by_default_four_metrics_of_three_hours_are_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PUBLISHED_METRICS", raising=False)
    monkeypatch.delenv("PUBLISH_MAX_AGE_HOURS", raising=False)

    assert PublishRules.from_env() == DEFAULT_RULES


def test_an_empty_list_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHED_METRICS", "")

    assert PublishRules.from_env().metrics == frozenset()


@pytest.mark.parametrize(
    ("metric", "chosen"),
    [
        ("cpu.utilization", True),
        ("http.responses.5xx", True),
        ("http.responses.5xx.rate", True),
        ("http.responses.4xx.rate", False),
        ("cpu.usage", False),
    ],
)
def test_rules_choose_by_name_and_a_delta_stands_for_its_rate(metric: str, chosen: bool) -> None:
    assert RULES.chooses(key(metric)) is chosen


@pytest.mark.parametrize(
    ("state", "max_age_ms", "first_minute"),
    [
        # Never published: what is younger than the rules allow.
        (Collected(), 3 * HOUR_MS, -180),
        (Collected(), 30 * DAY_MS, -14 * 1440 + 60),
        # Published until some minute: from there.
        (Collected(published_ms=TEN, publishing_ms=TEN), 3 * HOUR_MS, 0),
        (Collected(published_ms=TEN + 1, publishing_ms=TEN + 1), 3 * HOUR_MS, 1),
        # In doubt: again where it is younger than three hours, else never.
        (Collected(published_ms=TEN - HOUR_MS, publishing_ms=TEN), 3 * HOUR_MS, -60),
        (Collected(published_ms=TEN - 5 * HOUR_MS, publishing_ms=TEN), DAY_MS, -180),
        (Collected(published_ms=TEN - 9 * HOUR_MS, publishing_ms=TEN - 6 * HOUR_MS), DAY_MS, -360),
    ],
)
def test_the_first_minute_to_send(state: Collected, max_age_ms: int, first_minute: int) -> None:
    rules = PublishRules(frozenset(), max_age_ms)

    assert rules.first_due(state, TEN) == TEN + first_minute * 60_000


def statistics(count: int, resource: str = WEB_1) -> list[Statistics]:
    return [
        Statistics(resource, "cpu.utilization", "Percent", TEN + row * 60_000, 2, 3.0, 1.0, 2.0)
        for row in range(count)
    ]


def test_a_datum_is_a_set_of_statistics_of_a_minute(hostup: Fleet) -> None:
    hostup.run(15)

    datum = hostup.datums(WEB_1)[-1]

    assert [(one["Name"], one["Value"]) for one in datum["Dimensions"]] == [
        ("Provider", "hostup"),
        ("Account", "main"),
        ("Resource", WEB_1),
    ]
    assert datum["Timestamp"].isoformat() == "2026-11-22T10:09:00+00:00"
    assert datum["Unit"] == "Percent"
    (stored,) = [one for one in hostup.stored(WEB_1) if one.key.metric == "cpu.utilization"]
    value = stored.values[-1] * 100
    assert datum["StatisticValues"] == pytest.approx(
        {"SampleCount": 1, "Sum": value, "Minimum": value, "Maximum": value}
    )


def test_many_datums_of_the_longest_names_stay_within_a_megabyte(aws: None) -> None:
    client = boto3.client("cloudwatch")
    sent = CloudWatch(client, lambda: TEN / 1000)
    resource = f"northflank/{'a' * 64}/{'p' * 500}".ljust(1024, "s")
    many = statistics(100, resource) * 13

    assert Publisher(client, RULES).send(many) == 1300
    assert len(sent) == 1300
    assert sent.requests == 3


def test_nothing_to_send_is_no_request(aws: None) -> None:
    client = boto3.client("cloudwatch")
    sent = CloudWatch(client, lambda: TEN / 1000)

    assert Publisher(client, RULES).send([]) == 0
    assert sent.requests == 0


def test_the_client_makes_one_attempt(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[str] = []

    def unavailable(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        attempts.append(environ["REQUEST_METHOD"])
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return []

    with serve(unavailable) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", server.url)
        with pytest.raises(StorageError, match=r"CloudWatch took 0 datums, then: .*503"):
            Publisher.from_env().send(statistics(1))

    assert attempts == ["POST"]


def test_a_run_sends_each_complete_minute_once(hostup: Fleet) -> None:
    report = hostup.run(15)

    assert hostup.minutes_sent(WEB_1) == list(range(-45, 10))
    assert report.published == len(hostup.cloudwatch) == 3 * 2 * 55
    assert hostup.run(15).published == 0
    assert hostup.run(20).published == 3 * 2 * 5
    assert hostup.minutes_sent(WEB_1) == list(range(-45, 15))


def test_a_minute_is_sent_by_the_run_that_makes_it_complete(hostup: Fleet) -> None:
    hostup.run(15, fresh=True)
    assert hostup.minutes_sent(WEB_1)[-1] == 13

    # Collecting until 10:14:30, half of that minute's sample is still to come.
    hostup.run(15.5, fresh=True)
    assert hostup.minutes_sent(WEB_1)[-1] == 13

    hostup.run(16, fresh=True)
    assert hostup.minutes_sent(WEB_1) == list(range(-45, 15))


def test_samples_older_than_the_rules_allow_are_stored_and_not_sent(hostup: Fleet) -> None:
    hostup.run(15, PublishRules(DEFAULT_RULES.metrics, 600_000))

    assert hostup.minutes_sent(WEB_1) == [5, 6, 7, 8, 9]
    assert hostup.stored(WEB_1)[0].times[0] == TEN - 86_400_000


def test_nothing_is_sent_where_no_metric_is_chosen(hostup: Fleet) -> None:
    assert hostup.run(15, PublishRules(frozenset(), 3 * HOUR_MS)).published == 0
    assert hostup.cloudwatch.requests == 0


def test_a_failing_cloudwatch_is_counted_and_loses_nothing(hostup: Fleet) -> None:
    # After what is current, and after the history that the run brings besides.
    hostup.cloudwatch.refusing = 2

    report = hostup.run(15)

    assert report.errors == {"storage": 2}
    assert "publishing to CloudWatch: CloudWatch took 0 datums" in report.messages[0]
    assert report.samples == 2082
    assert hostup.cloudwatch == []

    assert hostup.run(20).published == 3 * 2 * 60
    assert hostup.minutes_sent(WEB_1) == list(range(-45, 15))


def test_what_cloudwatch_refused_once_is_sent_by_the_same_run_if_that_goes_on(
    hostup: Fleet,
) -> None:
    hostup.cloudwatch.refusing = 1

    report = hostup.run(15)

    assert report.errors == {"storage": 1}
    assert report.published == 3 * 2 * 55
    assert hostup.minutes_sent(WEB_1) == list(range(-45, 10))
    assert hostup.state(WEB_1).published_ms == TEN + 600_000


def test_after_hours_of_a_failing_cloudwatch_the_last_three_are_sent(hostup: Fleet) -> None:
    hostup.cloudwatch.refusing = 1000
    for half_hour in range(9):
        hostup.run(half_hour * 30 + 15)
    hostup.cloudwatch.refusing = 0

    hostup.run(4 * 60 + 20)

    assert hostup.minutes_sent(WEB_1) == list(range(80, 255))


def test_killed_between_sending_and_noting_only_young_minutes_are_sent_again(
    hostup: Fleet,
) -> None:
    hostup.run(15)
    sent = hostup.minutes_sent(WEB_1)
    forget(hostup, published_ms=TEN - 2 * HOUR_MS)

    hostup.run(20)

    assert hostup.minutes_sent(WEB_1) == [*sent, *range(-45, 15)]


def test_killed_before_sending_old_minutes_stay_unsent(hostup: Fleet) -> None:
    rules = PublishRules(DEFAULT_RULES.metrics, DAY_MS)
    hostup.run(15, rules)
    forget(hostup, published_ms=TEN - HOUR_MS)
    hostup.cloudwatch.clear()

    hostup.run(240, rules)

    # Three hours before 14:00; what came before may have been sent.
    assert min(hostup.minutes_sent(WEB_1)) >= 60
    assert hostup.minutes_sent(WEB_1)[-1] == 234


def forget(hostup: Fleet, published_ms: int) -> None:
    """Puts states as a run leaves them that dies after it noted what it means to send."""
    (shard,) = hostup.shards()
    table = hostup.world.table
    state = States(table).get(shard.account, shard.number)
    boto3.client("dynamodb").delete_item(
        TableName=TABLE, Key={"pk": {"S": state.key.pk}, "sk": {"S": state.key.sk}}
    )
    resources = {
        name: replace(one, published_ms=published_ms) for name, one in state.resources.items()
    }
    States(table).join(ShardState(state.account, state.number, resources))


def test_intent_is_stored_before_and_done_after(hostup: Fleet) -> None:
    seen: list[Collected] = []
    events = hostup.cloudwatch_client.meta.events
    events.register("before-call.cloudwatch", lambda **_: seen.append(hostup.state(WEB_1)))

    hostup.run(15)

    assert [(one.published_ms, one.publishing_ms) for one in seen] == [(0, TEN + 600_000)]
    after = hostup.state(WEB_1)
    assert (after.published_ms, after.publishing_ms) == (TEN + 600_000, TEN + 600_000)


def test_what_an_earlier_run_stored_and_did_not_send_is_read_from_the_store(
    hostup: Fleet,
) -> None:
    hostup.cloudwatch.refusing = 3
    hostup.run(15)
    hostup.run(60)
    assert hostup.minutes_sent(WEB_2) == []

    hostup.run(65)

    # HostUp's `hour` alone was asked last, and holds nothing from before 10:05.
    assert hostup.door.asked[-1].endswith("timeframe=hour")
    assert hostup.minutes_sent(WEB_2) == list(range(-45, 60))


def test_a_stopped_machine_has_nothing_to_send(hostup: Fleet) -> None:
    hostup.run(15)

    assert hostup.minutes_sent(STAGING) == []
    assert hostup.minutes_sent(BACKUP, "memory.utilization") == list(range(-45, 10))
