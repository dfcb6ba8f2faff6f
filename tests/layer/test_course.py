"""The course of a run: what it knows of the account as it begins."""

from tests.layer.samples import TEN
from tributary.course import Known
from tributary.registry import Entry, Shard
from tributary.state import Collected, ShardState

ACCOUNT = "northflank/main"


def test_what_is_idle_or_gone_is_not_among_what_each_run_asks_about() -> None:
    entries = {name: Entry(name, {}) for name in ("api", "paused", "new")}
    gone = Entry("gone", {}, gone_ms=TEN)
    shard = Shard(ACCOUNT, 0, {**entries, "gone": gone})
    states = {"api": Collected(), "paused": Collected(idle=True), "gone": Collected()}

    known = Known(ACCOUNT, (shard,), {0: ShardState(ACCOUNT, 0, states)})

    assert known.living == 1
