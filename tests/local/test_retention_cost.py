"""`make retention` against a table of items whose sizes are known."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from itertools import repeat

import boto3
import pytest

from local.build import ROOT
from local.failure import Failure
from local.retention_cost import main
from tests.dynamodb import TABLE
from tributary.compaction import CompactionReport
from tributary.hours import Hours
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.restamping import Restamping
from tributary.retention import SETTINGS, Retention
from tributary.stamps import Stamps
from tributary.table import Item, Key, Table
from tributary.windows import DAY_MS, SECOND_MS, RollupTier, Tier, key_time, windows_over

# 2026-11-22T00:00:00Z
MIDNIGHT = 1795305600_000
IN_FORCE = Retention.of_days(7, 60, 1825, 365, 1825).by_tier
HOUR, FIVE = Tier.HOUR, RollupTier.FIVE_MINUTES


def midnight() -> float:
    """The clock, which stands."""
    return MIDNIGHT / SECOND_MS


@pytest.fixture
def kept(table: None) -> Table:
    """The empty table at midnight."""
    return Table(boto3.client("dynamodb"), TABLE, midnight)


@pytest.fixture
def fleet(kept: Table) -> Table:
    """Nine VPSes collected for 20 days until now, and one for the first 10 of these.

    Each hour has a chunk of 2,500 bytes and rollups of 900, of the three VPSes that are read.
    """
    lives = {vps(number): Instance({}, {}, MIDNIGHT - 20 * DAY_MS) for number in range(9)}
    lives[vps(9)] = Instance({}, {}, MIDNIGHT - 20 * DAY_MS, MIDNIGHT - 10 * DAY_MS)
    for number in (0, 4, 9):
        fill(kept, vps(number), lives[vps(number)], {HOUR: 2500, FIVE: 900})
    register(kept, lives)
    return kept


def vps(number: int) -> str:
    return f"hostup/main/vps_{number:02}"


def fill(
    table: Table, resource: str, life: Instance, sizes: Mapping[Tier | RollupTier, int]
) -> None:
    """Puts an item for each window of a resource's life, under the retention in force."""
    for tier, size in sizes.items():
        for window in windows_over(tier, life.first_ms, life.last_ms or MIDNIGHT):
            expires_s = (window.end_ms + IN_FORCE[tier]) // SECOND_MS
            key = Key(resource, f"{tier.value}#{key_time(window.start_ms)}")
            table.put(Item(key, bytes(size), b"a digest", expires_s), None)


def register(table: Table, lives: Mapping[str, Instance], *, noted: bool = True) -> Shard:
    """Lists the resources; `noted` says whether a compaction has seen the retention in force."""
    entries = {name: Entry(name, {}, {"-": life}) for name, life in lives.items()}
    shard = Shard("hostup/main", 0, entries)
    Registry(table).save(shard, lambda _: shard)
    if noted:
        stamps = {tier.value: Stamps(kept, kept) for tier, kept in IN_FORCE.items()}
        Hours(table).stamp(shard, lambda _: stamps)
    return shard


def told(*arguments: str) -> list[str]:
    """The lines about the table."""
    said: list[str] = []
    main([f"--table={TABLE}", *arguments], said.append, midnight)
    return said


def test_other_retentions_are_told_with_their_arithmetic(fleet: Table) -> None:
    said = told("HourRetentionDays=120", "FiveMinuteRetentionDays=1000", "RawRetentionDays=3")

    # 9 × 20 and 10 days of 24 items; a chunk takes 2,560 bytes, and 100 more where it is stored.
    assert said == [
        "tributary: 10 resources in 1 shard; estimated from at most 3 of each and 4 stretches of "
        "their time.",
        "",
        "raw chunks (r), kept for 3 days instead of 7",
        "  what is older is left out of answers at once, and deleted as it was to be",
        "",
        "hour chunks (h), kept for 120 days instead of 60",
        "  re-stamping   4,560 items × 3.00 write units = 13,680 × $0.625 per million = $0.0086",
        "  finding them  1,425 read units × $0.125 per million = $0.0002",
        "  keeping them  60 days × 0.575 MB of 9 resources = 0.034 GB × $0.25 = $0.0086 a month",
        "",
        "five-minute rollups (5), kept for 1,000 days instead of 365",
        "  re-stamping   4,560 items × 1.00 write units = 4,560 × $0.625 per million = $0.0029",
        "  finding them  534 read units × $0.125 per million = $0.0001",
        "  keeping them  635 days × 0.229 MB of 9 resources = 0.145 GB × $0.25 = $0.0363 a month",
        "",
        "Together $0.0116 once, within hours or days of the deployment, and in the end",
        "$0.0450 a month more, at prices of us-east-1 in November 2026. To do it:",
        "Add HourRetentionDays=120 FiveMinuteRetentionDays=1000 RawRetentionDays=3 to "
        "parameter_overrides in samconfig.toml, then make deploy STAGE=…",
    ]


def test_rollups_that_have_to_be_kept_as_long_are_told_too(fleet: Table) -> None:
    said = told("HourRetentionDays=400")

    assert [line for line in said if "kept for" in line] == [
        "hour chunks (h), kept for 400 days instead of 60",
        "five-minute rollups (5), kept for 400 days instead of 365",
    ]


def test_what_is_in_force_costs_nothing(fleet: Table) -> None:
    assert told("HourRetentionDays=60", "RollupRetentionDays=1825")[1:] == [
        "All of that is in force."
    ]


def test_the_compactor_restamps_as_much_as_was_told(kept: Table) -> None:
    life = Instance({}, {}, MIDNIGHT - 3 * DAY_MS)
    fill(kept, vps(0), life, {HOUR: 2500})
    register(kept, {vps(0): life})
    said = told("HourRetentionDays=120")

    now, longer, report = midnight(), Retention.of_days(hour=120), CompactionReport()
    for later in (now, now + 3600):
        clock = repeat(later).__next__
        restamping = Restamping(Registry(kept), Hours(kept), kept, longer, clock)
        restamping.run(report, float("inf"))

    assert said[3].startswith("  re-stamping   72 items × 3.00 write units = 216 ×")
    assert report.restamped == 72


def test_only_reads_are_asked_for(fleet: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = boto3.client, set[str]()

    def watched(service: str, **given: object) -> object:
        client = made(service, **given)  # type: ignore[call-overload]
        client.meta.events.register(
            "before-call.dynamodb", lambda model, **_: asked.add(model.name)
        )
        return client

    monkeypatch.setattr("local.user_aws.boto3.client", watched)
    told("HourRetentionDays=120")

    assert asked == {"BatchGetItem", "GetItem", "Query"}


def test_the_defaults_are_taken_where_no_compaction_has_noted_what_is_in_force(
    kept: Table,
) -> None:
    register(kept, {vps(0): Instance({}, {}, MIDNIGHT - DAY_MS)}, noted=False)

    assert told("HourRetentionDays=120")[1:4] == [
        "No compaction has noted what is in force yet: the defaults are taken for it.",
        "",
        "hour chunks (h), kept for 120 days instead of 60",
    ]


def test_an_empty_table_costs_nothing(kept: Table) -> None:
    said = told("HourRetentionDays=120")

    assert said[0].startswith("tributary: 0 resources in 0 shards;")
    assert said[-3].startswith("Together $0.00 once")


@pytest.mark.parametrize("arguments", [[], ["--table=x"], ["HourRetentionDays=9"], ["--what"]])
def test_too_little_is_answered_with_what_to_say(arguments: list[str]) -> None:
    with pytest.raises(
        Failure, match=r"^Say which table and which retention, as in make retention"
    ):
        main(arguments, print)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("LogRetentionDays=5", "'LogRetentionDays=5' is not the setting of a retention."),
        ("HourRetentionDays=0", "HourRetentionDays is '0', not a number of days from 1 to 36500."),
        ("HourRetentionDays=", "HourRetentionDays is '', not a number of days from 1 to 36500."),
        ("HourRetentionDays", "HourRetentionDays is '', not a number of days from 1 to 36500."),
    ],
)
def test_what_is_no_retention_is_refused(change: str, message: str) -> None:
    with pytest.raises(Failure) as refused:
        main([f"--table={TABLE}", change], print)

    assert str(refused.value).startswith(message)


def test_nobody_waits_for_an_address_where_nothing_answers(
    table: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    client = boto3.client

    def watched(service: str, **given: object) -> object:
        made = client(service, **given)  # type: ignore[call-overload]
        made.meta.events.register("before-send.dynamodb", lambda **_: tried.append("once"))
        return made

    monkeypatch.setattr("local.user_aws.boto3.client", watched)

    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
        with pytest.raises(Failure, match=r"can't be read: .*looked for with your AWS settings"):
            main([f"--table={TABLE}", "HourRetentionDays=120"], print)
    assert len(tried) <= 8


def test_an_address_that_is_none_is_told(table: None) -> None:
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL_DYNAMODB", "nowhere")
        with pytest.raises(Failure, match="AWS_REGION or AWS_ENDPOINT_URL can't be used"):
            main([f"--table={TABLE}", "HourRetentionDays=120"], print)


def test_a_table_that_is_not_there_is_named(kept: Table) -> None:
    with pytest.raises(Failure, match=r"^The table 'another' can't be read: .*ResourceNotFound"):
        main(["--table=another", "HourRetentionDays=120"], print)


def test_make_hands_on_the_table_and_every_retention_that_is_given() -> None:
    given = [f"{setting.parameter}={days}" for days, setting in enumerate(SETTINGS.values(), 10)]

    # What is no retention is handed on as well: the command says so.
    for changes in (given, given[1:2], [*given[:1], "Bogus=3"]):
        done = subprocess.run(
            ["make", "--no-print-directory", "--dry-run", "retention", "TABLE=mine", *changes],
            cwd=ROOT,
            env=os.environ | {"MAKEFLAGS": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        words = shlex.split(
            done.stdout.partition("python -m local.retention_cost")[2].replace("\\\n", "")
        )
        assert words[0] == "--table=mine"
        assert sorted(words[1:]) == sorted(changes)
