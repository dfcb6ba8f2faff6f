"""Tokens: what is kept of them, whom they fit, and the commands that make, list and revoke them."""

import re
import time
from hashlib import sha256

import pytest

from tests.dynamodb import TABLE
from tests.layer.world import World
from tributary.table import Table
from tributary.tokens import ADMIN, READ_METRICS, READ_VM, Token, Tokens, UnknownTokenError
from tributary.tokens.__main__ import main
from tributary.usage import Usage
from tributary.windows import parse_rfc3339

DAY_MS = 86_400_000


def test_a_token_is_kept_without_its_secret(world: World) -> None:
    made, text = Tokens(world.table).make("grafana", [READ_METRICS], ["provider:hostup"], 7)
    identity, _, secret = text.partition(".")

    found = Tokens(world.table).get(identity)

    assert found == made
    assert made.hash == sha256(secret.encode()).hexdigest()
    assert made.limits == ("provider:hostup",)
    assert len(secret) >= 40
    assert secret.encode() not in str(world.items()).encode()


def test_secrets_are_told_apart(world: World) -> None:
    made, text = Tokens(world.table).make("grafana", [READ_METRICS], [], 0)
    secret = text.partition(".")[2]

    assert made.has_secret(secret)
    assert not made.has_secret(secret[:-1])
    assert not made.has_secret("")


def test_a_token_does_what_its_scopes_say_and_an_admins_all() -> None:
    reader, admin = Token("a", "", "", (READ_METRICS,)), Token("b", "", "", (ADMIN,))

    assert [reader.allows(scope) for scope in (READ_METRICS, READ_VM)] == [True, False]
    assert [admin.allows(scope) for scope in (READ_METRICS, READ_VM)] == [True, True]


def test_a_token_sees_what_its_limits_say() -> None:
    limits = ("provider:hostup", "name:web*", "name:db", "tag.x!:1")
    limited = Token("a", "", "", (READ_VM,), limits)

    assert limited.sees({"provider": "hostup", "name": "web-1"})
    assert limited.sees({"provider": "hostup", "name": "db"})
    assert not limited.sees({"provider": "hostup", "name": "api"})
    assert not limited.sees({"provider": "northflank", "name": "web-1"})
    assert not limited.sees({"provider": "hostup", "name": "db", "tag.x": "1"})
    assert Token("b", "", "", (READ_VM,)).sees({})
    # Without a scope there is nothing to see, whatever the limits.
    assert not Token("c", "", "", ()).sees({})


def test_a_token_sees_all_of_what_no_other_attribute_takes_from_it() -> None:
    project = {"provider": "northflank", "project": "shop"}

    assert Token("a", "", "", (READ_VM,), ("project:sh*",)).sees_all_of(project)
    for limit in ("name!:api", "tag.secret!:yes", "name:api", "project!:shop"):
        assert not Token("a", "", "", (READ_VM,), (limit,)).sees_all_of(project)


def test_a_revoked_token_is_gone(world: World) -> None:
    tokens = Tokens(world.table)
    kept, _ = tokens.make("kept", [READ_VM], [], 1)
    gone, _ = tokens.make("gone", [READ_VM], [], 2)
    assert [one.name for one in tokens.all()] == ["kept", "gone"]

    tokens.revoke(gone.id)

    assert tokens.all() == [kept]
    with pytest.raises(UnknownTokenError, match=f"There are: {kept.id}"):
        tokens.revoke(gone.id)


def test_make_prints_the_token_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(
        [
            "make",
            "--name",
            "grafana",
            "--scope",
            "read:metrics",
            "--scope",
            "read:vm",
            "--limit",
            "provider:hostup",
            "--limit",
            "project:web*",
            "--expires",
            "90d",
            "--per-hour",
            "5000",
            "--burst",
            "100",
        ]
    )

    told = capsys.readouterr()
    assert status == 0
    assert re.fullmatch(r"[0-9a-f]{12}\.[A-Za-z0-9_-]{43}\n", told.out)
    [token] = Tokens(world.table).all()
    assert token.scopes == ("read:metrics", "read:vm")
    assert token.limits == ("provider:hostup", "project:web*")
    assert (token.requests_per_hour, token.burst) == (5000, 100)
    assert abs((token.expires_ms or 0) - time.time() * 1000 - 90 * DAY_MS) < 60_000
    assert "grafana, read:metrics, read:vm, sees provider:hostup, project:web*" in told.err
    assert told.out.strip() not in told.err


def test_list_shows_all_but_hashes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = Tokens(world.table)
    used, _ = tokens.make("used", [READ_METRICS], ["provider:hostup"], 1, 2, 10, 5)
    unused, _ = tokens.make("unused", [ADMIN], [], 2)
    Usage(world.table).count(used.id, parse_rfc3339("2026-11-22T10:17:00Z"))

    status = main(["list"])

    told = capsys.readouterr().out
    assert status == 0
    assert [line.split() for line in told.splitlines()] == [
        ["ID", "NAME", "SCOPES", "SEES", "EXPIRES", "PER", "HOUR", "BURST", "LAST", "USED"],
        f"{used.id} used read:metrics provider:hostup 1970-01-01T00:00:00.002Z (expired) 10 5 "
        "2026-11-22T10:00:00Z".split(),
        f"{unused.id} unused admin all never default default never".split(),
    ]
    assert used.hash not in told


def test_revoke_makes_a_token_useless(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    token, _ = Tokens(world.table).make("grafana", [READ_METRICS], [], 1)

    assert main(["revoke", token.id]) == 0
    assert Tokens(world.table).all() == []
    assert main(["revoke", token.id]) == 2
    assert f"There is no token '{token.id}'" in capsys.readouterr().err


MAKE = ["make", "--name", "x", "--scope", "read:vm"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "make|list|revoke"),
        (["make", "--scope", "read:vm"], "--name"),
        (["make", "--name", "x"], "--scope"),
        (["make", "--name", "x", "--scope", "read:all"], "read:projects"),
        (["make", "--name", " ", "--scope", "read:vm"], "printable characters"),
        ([*MAKE, "--limit", "hostup"], "send attribute:value"),
        ([*MAKE, "--limit", "container:api-1"], "sees resources whole"),
        ([*MAKE, "--limit", "provder!:hostup"], "no resource has a provder: send one of provider"),
        ([*MAKE, "--burst", "0000000019999999999"], "send a number from 1"),
        ([*MAKE, "--expires", "soon"], "send 90d"),
        ([*MAKE, "--expires", "2020-01-01T00:00:00Z"], "send a time to come"),
        ([*MAKE, "--per-hour", "0"], "send a number from 1"),
        ([*MAKE, "--burst", "many"], "send a number from 1"),
        (["revoke"], "id"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    world: World, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    try:
        status = main(arguments)
    except SystemExit as ending:
        status = int(ending.code or 0)

    told = capsys.readouterr().err
    assert status == 2
    assert says in told
    assert len(told.splitlines()) == 1
    assert Tokens(world.table).all() == []


def test_a_table_that_is_not_there_is_said_in_one_line(
    table: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--table", "no-such-table", "list"]) == 1
    assert "The table no-such-table can't be used" in capsys.readouterr().err


def test_no_table_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)

    assert main(["list"]) == 2
    assert "Send --table" in capsys.readouterr().err


def test_requests_are_counted_by_the_hour_and_ten_seconds(world: World) -> None:
    usage, ten = Usage(world.table), parse_rfc3339("2026-11-22T10:00:00Z")

    assert usage.count("a", ten) == (1, 1)
    assert usage.count("a", ten + 9_999) == (2, 2)
    assert usage.count("a", ten + 10_000) == (3, 1)
    assert usage.count("b", ten) == (1, 1)
    assert usage.count("a", ten + 3_600_000) == (1, 1)


def test_the_last_use_is_known_to_the_hour(world: World) -> None:
    usage, ten = Usage(world.table), parse_rfc3339("2026-11-22T10:00:00Z")
    assert usage.last_used_ms("a") is None
    for instant in (ten + 3_700_000, ten):
        usage.count("a", instant)

    assert usage.last_used_ms("a") == ten + 3_600_000


def test_counts_expire_after_400_days(world: World) -> None:
    Usage(world.table).count("a", parse_rfc3339("2026-11-22T10:20:00Z"))

    [item] = world.client.scan(TableName=TABLE)["Items"]
    assert int(item["ttl"]["N"]) * 1000 == parse_rfc3339("2027-12-27T11:00:00Z")


def test_what_cannot_be_counted_is_none(world: World) -> None:
    assert Usage(Table(world.client, "no-such-table")).count("a", 0) is None
