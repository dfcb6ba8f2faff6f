"""The collector: one event in, every account collected side by side, one report each."""

import json
import sys
from collections.abc import Callable, Iterator
from io import TextIOBase
from logging import StreamHandler
from typing import Any

import boto3
import pytest

from functions.hostup_collector import app
from functions.hostup_collector.provider import DIALECT, Hostup
from tests.dynamodb import delete_table
from tests.layer.collecting import PLENTY, TOKEN, WEB_1, Fleet
from tests.layer.samples import TEN
from tests.layer.world import Reported
from tributary.accounts import Account, Accounts
from tributary.client import Client
from tributary.collector import Collector, Host, scheduled_ms
from tributary.errors import SettingsError
from tributary.provider import Provider
from tributary.self_metrics import logger

EVENT = {"scheduledTime": "2026-11-22T10:15:00Z"}
OLD = "an-old-token-that-nobody-may-log"


class Context:
    """Lambda's context, with so many seconds left."""

    def __init__(self, seconds: float = 270) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def put_secret(*accounts: dict[str, str]) -> None:
    text = json.dumps({"accounts": accounts})
    client = boto3.client("secretsmanager")
    try:
        client.create_secret(Name="provider", SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId="provider", SecretString=text)


def host(fleet: Fleet) -> Host:
    """The simulated provider as a collector reaches it."""

    def connect(client: Client, account: Account) -> Provider:
        return Hostup(client, account.name)

    return Host(fleet.name, fleet.url, DIALECT, PLENTY, connect)


def collector(fleet: Fleet) -> Collector:
    return Collector(host(fleet), Accounts.from_env(), fleet.world.table, fleet.account_run)


class StandardOutput(TextIOBase):
    """Wherever standard output goes at the moment of writing."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What a test writes to standard output: log lines too, whose logger is older than the test."""
    (handler,) = [one for one in logger.handlers if type(one) is StreamHandler]
    before = handler.stream
    handler.setStream(StandardOutput())
    yield lambda: capsys.readouterr().out
    handler.setStream(before)


def documents(output: str) -> list[dict[str, Any]]:
    """What a run logged, each line a JSON document."""
    return [json.loads(line) for line in output.splitlines()]


def test_an_event_collects_every_account(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": TOKEN})

    summary = collector(hostup).handle(EVENT, Context())

    assert summary == {
        "provider": "hostup",
        "accounts": 2,
        "resources": 8,
        "requests": 42,
        "samples": 4164,
        "published": 660,
        "errors": 0,
        "secondsBehind": 0.0,
        "gapSeconds": 0.0,
        "importedPercent": 100,
        "importSecondsLeft": 0.0,
    }
    assert {pk for pk, _ in hostup.world.items() if pk.startswith("acc#")} == {
        "acc#hostup/main",
        "acc#hostup/second",
    }


def test_an_accounts_failure_starves_no_other(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": OLD})

    summary = collector(hostup).handle(EVENT, Context())

    assert (summary["resources"], summary["errors"]) == (4, 1)
    assert hostup.state(WEB_1).newest_ms == TEN + 540_000


def test_without_accounts_it_says_so_and_succeeds(hostup: Fleet, output: Callable[[], str]) -> None:
    put_secret()

    summary = collector(hostup).handle(EVENT, Context())

    assert (summary["accounts"], summary["errors"]) == (0, 0)
    (line,) = documents(output())
    assert line["message"] == (
        "no accounts: put the provider's token into its secret to collect from it"
    )
    assert hostup.door.asked == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"scheduledTime": None},
        {"scheduledTime": "2026-11-22T10:15:00"},
        {"scheduledTime": "<aws.scheduler.scheduled-time>"},
        {"time": "2026-11-22T10:15:00Z"},
    ],
)
def test_another_event_says_what_to_send(hostup: Fleet, event: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as failure:
        collector(hostup).handle(event, Context())

    assert str(failure.value).startswith(
        'a collector is invoked with {"scheduledTime": "2026-11-22T10:00:00Z"}, not with {'
    )
    assert hostup.door.asked == []


def test_the_slot_is_the_events_and_not_the_clocks() -> None:
    assert scheduled_ms({"scheduledTime": "2026-11-22T10:00:00Z"}) == TEN


def test_a_malformed_secret_is_a_settings_error(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": ""})

    with pytest.raises(SettingsError, match="account 1 in the provider's secret, main, needs a t"):
        collector(hostup).handle(EVENT, Context())


def test_after_a_401_the_secret_is_read_again_and_the_new_key_tried(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": OLD})
    again = collector(hostup)
    again.handle(EVENT, Context())
    put_secret({"name": "main", "token": TOKEN})
    hostup.world.now += 300

    summary = again.handle({"scheduledTime": "2026-11-22T10:20:00Z"}, Context())

    assert (summary["errors"], summary["resources"]) == (0, 4)


def test_a_renewed_key_leaves_no_failure_behind(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": TOKEN})
    again = collector(hostup)
    again.handle(EVENT, Context())
    put_secret({"name": "main", "token": OLD})
    again.accounts.all(anew=True)
    put_secret({"name": "main", "token": TOKEN})

    again.handle({"scheduledTime": "2026-11-22T10:20:00Z"}, Context())

    assert hostup.state(WEB_1).failure is None


def test_the_same_key_is_not_tried_twice(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": OLD})

    summary = collector(hostup).handle(EVENT, Context())

    assert summary["errors"] == 1
    assert len(hostup.door.asked) == 1


def test_a_key_that_three_runs_were_refused_with_is_in_quarantine(
    hostup: Fleet, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": OLD})
    refused = collector(hostup)
    for minutes in ("00", "05", "10"):
        refused.handle({"scheduledTime": f"2026-11-22T10:{minutes}:00Z"}, Context())
    assert len(hostup.door.asked) == 3

    summary = refused.handle(EVENT, Context())

    assert (summary["errors"], summary["requests"]) == (1, 0)
    assert len(hostup.door.asked) == 3
    errors = [one["errors"] for one in documents(output()) if one.get("message") == "run"]
    assert errors == [{"credentials_refused": 1}] * 3 + [{"quarantined": 1}]


def test_a_new_key_ends_a_quarantine(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": OLD})
    refused = collector(hostup)
    for minutes in ("00", "05", "10"):
        refused.handle({"scheduledTime": f"2026-11-22T10:{minutes}:00Z"}, Context())
    put_secret({"name": "main", "token": TOKEN})

    summary = collector(hostup).handle(EVENT, Context())

    assert (summary["errors"], summary["resources"]) == (0, 4)


def test_a_secret_that_cannot_be_read_again_is_one_accounts_failure(
    hostup: Fleet, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": OLD})
    again = collector(hostup)
    again.accounts.all()
    boto3.client("secretsmanager").delete_secret(
        SecretId="provider", ForceDeleteWithoutRecovery=True
    )

    summary = again.handle(EVENT, Context())

    assert (summary["resources"], summary["errors"]) == (4, 1)
    assert "; reading the secret provider: " in output()


def test_a_token_that_no_header_holds_is_one_accounts_failure(
    hostup: Fleet, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": "two words"})

    summary = collector(hostup).handle(EVENT, Context())

    assert (summary["resources"], summary["errors"]) == (4, 1)
    assert "two words" not in output()


def test_a_failing_table_is_reported_for_every_account(hostup: Fleet) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": TOKEN})
    delete_table()

    summary = collector(hostup).handle(EVENT, Context())

    assert (summary["resources"], summary["errors"]) == (0, 2)


def test_a_run_says_what_it_did_in_one_line_and_in_emf(
    hostup: Fleet, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": TOKEN})
    hostup.door.broken = {WEB_1.rpartition("/")[2]: 404}

    collector(hostup).handle(EVENT, Context())

    line, totals, errors = documents(output())
    assert (line["message"], line["level"]) == ("run", "WARNING")
    assert {name: line[name] for name in ("provider", "account", "resources", "errors")} == {
        "provider": "hostup",
        "account": "main",
        "resources": 4,
        "errors": {"gone": 1},
    }
    assert_emf(totals, ["Provider", "Account", "service"])
    assert {name: totals[name] for name in METRICS} == {
        "Resources": [4.0],
        "Requests": [17.0],
        "SamplesWritten": [1464.0],
        "SecondsBehind": [0.0],
        "Errors": [1.0],
        "BudgetLeft": [100 * (800_000 - 17) / 800_000],
    }
    assert_emf(errors, ["Provider", "Kind", "service"])
    assert (errors["Kind"], errors["ErrorsByKind"]) == ("gone", [1.0])


def test_each_account_is_told_the_units_of_its_own_run(
    hostup: Fleet, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": OLD})
    reported = Reported(hostup.world.client)

    collector(hostup).handle(EVENT, Context())

    lines = {one["account"]: one for one in documents(output()) if one.get("message") == "run"}
    assert sum(one["readUnits"] for one in lines.values()) == reported.read_units
    assert sum(one["writeUnits"] for one in lines.values()) == reported.write_units
    # The run that was refused took the account's lease and gave it back.
    assert lines["main"]["writeUnits"] > lines["second"]["writeUnits"] == 2


METRICS = ("Resources", "Requests", "SamplesWritten", "SecondsBehind", "Errors", "BudgetLeft")


def assert_emf(document: dict[str, Any], dimensions: list[str]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    metadata = document["_aws"]
    assert isinstance(metadata["Timestamp"], int)
    (directive,) = metadata["CloudWatchMetrics"]
    assert directive["Namespace"] == "Tributary/Self"
    (named,) = directive["Dimensions"]
    assert sorted(named) == sorted(dimensions)
    assert all(isinstance(document[name], str) and document[name] for name in named)
    for metric in directive["Metrics"]:
        assert metric["Unit"] in ("Count", "Seconds", "Percent")
        values = document[metric["Name"]]
        assert all(isinstance(value, float | int) for value in values)


def test_nothing_that_is_logged_holds_a_token(hostup: Fleet, output: Callable[[], str]) -> None:
    put_secret({"name": "main", "token": TOKEN}, {"name": "second", "token": OLD})
    hostup.door.broken = {WEB_1.rpartition("/")[2]: 404}

    collector(hostup).handle(EVENT, Context())

    written = output()
    assert written.count('"message":"run"') == 2
    assert TOKEN not in written
    assert OLD not in written


def test_a_run_with_no_time_left_asks_nothing_and_says_so(
    hostup: Fleet, monkeypatch: pytest.MonkeyPatch, output: Callable[[], str]
) -> None:
    put_secret({"name": "main", "token": TOKEN})
    monkeypatch.setenv("HOSTUP_BASE_URL", hostup.url)

    app.collector_from_env().handle(EVENT, Context(1))

    assert hostup.door.asked == []
    report = documents(output())[0]
    assert report["errors"] == {}
    assert report["messages"] == [
        "listing resources: GET /api/v2/vps from hostup not sent: "
        "the run's deadline is less than a second away"
    ]


def test_the_handler_builds_its_collector_from_the_environment(
    hostup: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_secret({"name": "main", "token": TOKEN})
    monkeypatch.setenv("HOSTUP_BASE_URL", hostup.url)

    summary = app.collector_from_env().handle(EVENT, Context())

    assert (summary["resources"], summary["errors"]) == (4, 0)
