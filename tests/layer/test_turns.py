"""Turns: past so many accounts, one message for each, and what each brings when it is delivered."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.layer.collecting import TOKEN, WEB_1, Fleet
from tests.layer.samples import TEN
from tests.layer.test_collector import EVENT, Context, host, put_secret
from tests.sqs import delivery, received
from tributary.accounts import Accounts
from tributary.collector import Collector
from tributary.errors import SettingsError
from tributary.turns import Turn, Turns, is_delivery, turns_in, turns_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NAMES = ("main", "second", "third")


@pytest.fixture
def sqs(table: None) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def queue_url(sqs: "SQSClient") -> str:
    """A queue of the kind that the template describes, with nothing in it."""
    made = sqs.create_queue(
        QueueName="collector.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "300"}
    )
    return made["QueueUrl"]


def collector(fleet: Fleet, sqs: "SQSClient", queue_url: str) -> Collector:
    """One that collects two accounts at most in an invocation."""
    turns = Turns(lambda: sqs, queue_url, 2)
    return Collector(host(fleet), Accounts.from_env(), fleet.world.table, fleet.account_run, turns)


def put_accounts(*names: str) -> None:
    put_secret(*({"name": name, "token": TOKEN} for name in names))


def accounts_collected(fleet: Fleet) -> set[str]:
    return {pk for pk, _ in fleet.world.items() if pk.startswith("acc#")}


def test_more_accounts_than_an_invocation_collects_are_sent_a_turn_each(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES)

    summary = collector(hostup, sqs, queue_url).handle(EVENT, Context())

    assert (summary["accounts"], summary["sent"], summary["errors"]) == (3, 3, 0)
    assert hostup.door.asked == []
    messages = received(sqs, queue_url)
    assert {message["Attributes"]["MessageGroupId"]: message["Body"] for message in messages} == {
        name: f'{{"account": "{name}", "scheduledTime": "2026-11-22T10:15:00Z"}}' for name in NAMES
    }
    assert {message["Attributes"]["MessageDeduplicationId"] for message in messages} == {
        f"{name}@2026-11-22T10:15:00Z" for name in NAMES
    }
    assert TOKEN not in str(messages)


def test_as_many_accounts_as_an_invocation_collects_are_collected_at_once(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES[:2])

    summary = collector(hostup, sqs, queue_url).handle(EVENT, Context())

    assert (summary["accounts"], summary["resources"]) == (2, 8)
    assert received(sqs, queue_url) == []


def test_every_account_is_collected_once_its_turn_is_delivered(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES)
    spread = collector(hostup, sqs, queue_url)
    spread.handle(EVENT, Context())

    summaries = [
        spread.handle(delivery(queue_url, message), Context())
        for message in received(sqs, queue_url)
    ]

    assert [(one["accounts"], one["resources"], one["errors"]) for one in summaries] == [
        (1, 4, 0),
        (1, 4, 0),
        (1, 4, 0),
    ]
    assert accounts_collected(hostup) == {f"acc#hostup/{name}" for name in NAMES}
    assert hostup.state(WEB_1).newest_ms == TEN + 540_000


def test_a_slot_that_comes_twice_is_sent_once(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES)
    spread = collector(hostup, sqs, queue_url)
    spread.handle(EVENT, Context())

    again = spread.handle({"scheduledTime": "2026-11-22T11:15:00+01:00"}, Context())

    assert (again["sent"], again["errors"]) == (3, 0)
    assert len(received(sqs, queue_url)) == 3


def test_an_accounts_turns_are_delivered_one_at_a_time(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES)
    spread = collector(hostup, sqs, queue_url)
    spread.handle(EVENT, Context())
    spread.handle({"scheduledTime": "2026-11-22T10:20:00Z"}, Context())

    first = received(sqs, queue_url)
    for message in first:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    then = received(sqs, queue_url)

    assert [turn.slot_ms for turn in turns_in(delivery(queue_url, *first))] == [TEN + 900_000] * 3
    assert [turn.slot_ms for turn in turns_in(delivery(queue_url, *then))] == [TEN + 1200_000] * 3


def event(*turns: tuple[str, str]) -> dict[str, Any]:
    """A delivery of turns as another instance sent them."""
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "body": json.dumps({"account": name, "scheduledTime": slot}),
            }
            for name, slot in turns
        ]
    }


def test_a_turn_of_an_account_that_is_gone_is_dropped_and_logged(
    hostup: Fleet, sqs: "SQSClient", queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    put_accounts("main")

    summary = collector(hostup, sqs, queue_url).handle(
        event(("gone", EVENT["scheduledTime"])), Context()
    )

    assert (summary["accounts"], summary["errors"]) == (0, 0)
    assert [(record.getMessage(), vars(record)["account"]) for record in caplog.records] == [
        ("dropped: the account is not in the provider's secret any more", "gone")
    ]
    assert hostup.door.asked == []


def test_a_turn_of_an_account_that_is_new_has_the_secret_read_again(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts("main")
    spread = collector(hostup, sqs, queue_url)
    spread.accounts.all()
    put_accounts("main", "new")

    summary = spread.handle(event(("new", EVENT["scheduledTime"])), Context())

    assert (summary["accounts"], summary["resources"]) == (1, 4)


def test_a_run_that_fails_is_not_delivered_again(
    hostup: Fleet, sqs: "SQSClient", queue_url: str
) -> None:
    put_accounts(*NAMES)
    hostup.door.broken = {"/api/": 502}

    summary = collector(hostup, sqs, queue_url).handle(
        event(("main", EVENT["scheduledTime"])), Context()
    )

    # It answers: Lambda then deletes the message.
    assert (summary["accounts"], summary["errors"]) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [
        "main",
        "[]",
        '{"account": "main"}',
        '{"scheduledTime": "2026-11-22T10:15:00Z"}',
        '{"account": "main", "scheduledTime": "today"}',
        None,
    ],
)
def test_a_message_that_is_no_turn_says_what_to_send(
    hostup: Fleet, sqs: "SQSClient", queue_url: str, body: str | None
) -> None:
    put_accounts("main")

    with pytest.raises(SettingsError, match=r'a collector is sent \{"account": "main", "sched'):
        collector(hostup, sqs, queue_url).handle(
            {"Records": [{"eventSource": "aws:sqs", "body": body}]}, Context()
        )


@pytest.mark.parametrize(
    "other",
    [
        {},
        EVENT,
        {"Records": []},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": "aws:sqs"},
        [],
    ],
)
def test_what_no_queue_delivered_is_no_delivery(other: Any) -> None:
    assert not is_delivery(other)


def refuse(sqs: "SQSClient", account: str, times: int) -> list[str]:
    """Has one account's entry be one that SQS refuses, so many times; returns what is sent."""
    left, sent = Counter({account: times}), []

    def spoil(params: dict[str, Any], **_: Any) -> None:
        for entry in params["Entries"]:
            sent.append(entry["MessageGroupId"])
            if left[entry["MessageGroupId"]] > 0:
                left[entry["MessageGroupId"]] -= 1
                entry["DelaySeconds"] = 901

    sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", spoil)
    return sent


@pytest.fixture
def refusing(sqs: "SQSClient") -> str:
    """A queue at which moto refuses single entries, which it doesn't at FIFO queues."""
    return sqs.create_queue(QueueName="collector")["QueueUrl"]


def turns(*names: str) -> list[Turn]:
    return [Turn(name, TEN) for name in names]


def test_a_turn_that_is_refused_is_sent_once_more(sqs: "SQSClient", refusing: str) -> None:
    sent = refuse(sqs, "second", times=1)

    assert Turns(lambda: sqs, refusing, 2).send(turns(*NAMES)) == {}

    assert sent == ["main", "second", "third", "second"]
    bodies = [json.loads(message["Body"]) for message in received(sqs, refusing)]
    assert sorted(body["account"] for body in bodies) == ["main", "second", "third"]


def test_a_turn_that_is_refused_twice_is_an_error_of_its_account(
    hostup: Fleet, sqs: "SQSClient", refusing: str
) -> None:
    put_accounts(*NAMES)
    sent = refuse(sqs, "second", times=2)

    summary = collector(hostup, sqs, refusing).handle(EVENT, Context())

    assert (summary["accounts"], summary["sent"], summary["errors"]) == (3, 2, 1)
    assert Counter(sent) == {"main": 1, "second": 2, "third": 1}
    assert len(received(sqs, refusing)) == 2


def test_turns_go_ten_to_a_request(sqs: "SQSClient", queue_url: str) -> None:
    names = [f"account-{number}" for number in range(23)]
    batches: list[int] = []
    sqs.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch",
        lambda params, **_: batches.append(len(params["Entries"])),
    )

    assert Turns(lambda: sqs, queue_url, 2).send(turns(*names)) == {}

    assert batches == [10, 10, 3]
    messages = received(sqs, queue_url)
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == set(names)


def test_a_queue_that_does_not_answer_fails_every_account_and_is_not_asked_for_each(
    sqs: "SQSClient", queue_url: str
) -> None:
    sqs.delete_queue(QueueUrl=queue_url)
    names = [f"account-{number}" for number in range(23)]
    sent = refuse(sqs, "none", times=0)

    failed = Turns(lambda: sqs, queue_url, 2).send(turns(*names))

    assert failed.keys() == set(names)
    assert {error.kind for error in failed.values()} == {"storage"}
    assert str(failed["account-0"]).startswith(f"sending to {queue_url}: ")
    assert len(sent) == 20


def test_the_order_is_each_slots_own_and_the_same_again() -> None:
    names = [f"account-{number}" for number in range(60)]

    first = turns_of(names, TEN)

    assert first == turns_of(names, TEN)
    assert first != [Turn(turn.account, TEN) for turn in turns_of(names, TEN + 300_000)]
    assert sorted(turn.account for turn in first) == sorted(names)


def test_the_queue_and_the_bound_are_the_environments(
    table: None, monkeypatch: pytest.MonkeyPatch, queue_url: str, sqs: "SQSClient"
) -> None:
    monkeypatch.setenv("QUEUE_URL", queue_url)
    monkeypatch.setenv("ACCOUNTS_PER_INVOCATION", "7")

    found = Turns.from_env()

    assert found is not None
    assert found.accounts_per_invocation == 7
    assert found.send(turns("main")) == {}
    assert len(received(sqs, queue_url)) == 1


def test_without_a_queue_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUE_URL", raising=False)

    assert Turns.from_env() is None
