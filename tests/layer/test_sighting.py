"""Sightings: what the registry learns of instances that come, go and come back."""

from tests.layer.samples import TEN, key, rows
from tributary.columns import Origin
from tributary.registry import Entry, Instance
from tributary.sighting import Sightings
from tributary.state import Collected
from tributary.windows import Window

API = "northflank/main/shop/services/api"
ORIGINS = {"cpu.utilization": key().origin}


def until(second: float, asked: float | None = None) -> Collected:
    """The state of a resource whose newest sample is so many seconds after 10:00."""
    asked = second + 10 if asked is None else asked
    newest = Collected(TEN + int(second * 1000), 10_000)
    return newest.after(Window(TEN - 3_600_000, TEN + int(asked * 1000)))


def seen(**instances: tuple[float, float]) -> Sightings:
    """Instances with their first and last sample, seconds after 10:00."""
    sightings = Sightings()
    for name, (first, last) in instances.items():
        column = rows([(first, 0.1), (last, 0.2)], key(instance=name))
        sightings.add([column], {name: {"container": name}})
    return sightings


def living(name: str, first: float = 0) -> Instance:
    return Instance({"container": name}, {"cpu.utilization": 10_000}, TEN + int(first * 1000))


def test_a_new_instance_is_entered_with_what_was_seen_of_it() -> None:
    sightings = seen(a=(0, 50))
    sightings.add([rows([(60, 5.0)], key("hostup.iops", "a", "io/s"), resolution=60)], {})

    entry = sightings.entry_after(Entry(API, {}), Collected(), until(60))

    metrics = {"cpu.utilization": 10_000, "hostup.iops": 60_000}
    assert entry.instances == {"a": Instance({"container": "a"}, metrics, TEN)}
    assert entry.unit_of("hostup.iops") == "io/s"


def test_what_was_seen_before_changes_nothing() -> None:
    entry = Entry(API, {}, {"a": living("a")}, ORIGINS)

    assert seen(a=(300, 590)).entry_after(entry, until(290), until(590)) == entry


def test_an_instance_that_stopped_more_than_three_resolutions_before_the_newest_has_ended() -> None:
    entry = Entry(API, {}, {"a": living("a"), "b": living("b")}, ORIGINS)

    after = seen(a=(300, 590), b=(300, 559.999)).entry_after(entry, until(290), until(590))

    assert after.instances["a"].last_ms is None
    assert after.instances["b"].last_ms == TEN + 559_999


def test_an_instance_three_resolutions_behind_still_lives() -> None:
    entry = Entry(API, {}, {"a": living("a"), "b": living("b")}, ORIGINS)

    assert seen(a=(300, 590), b=(300, 560)).entry_after(entry, until(290), until(590)) == entry


def test_an_instance_that_was_not_seen_while_others_went_on_has_ended() -> None:
    entry = Entry(API, {}, {"a": living("a"), "b": living("b")}, ORIGINS)

    after = seen(a=(300, 590)).entry_after(entry, until(290), until(590))

    assert after.instances["b"].last_ms == TEN + 290_000


def test_an_instance_ends_though_runs_follow_one_another_within_three_resolutions() -> None:
    # A run asks from three resolutions before the newest sample on: silence for so long is an end.
    entry = Entry(API, {}, {"a": living("a"), "b": living("b")}, ORIGINS)

    after = seen(a=(260, 300)).entry_after(entry, until(290), until(300))

    assert after.instances["b"].last_ms == TEN + 290_000


def test_nobody_ends_in_a_run_that_saw_nothing_new() -> None:
    entry = Entry(API, {}, {"a": living("a"), "b": living("b")}, ORIGINS)

    assert seen(a=(260, 290)).entry_after(entry, until(290), until(290)) == entry
    assert Sightings().entry_after(entry, until(290), until(290)) == entry


def test_all_end_where_the_resource_is_silent() -> None:
    entry = Entry(API, {}, {"a": living("a")}, ORIGINS)

    after = Sightings().entry_after(entry, until(290), until(290, asked=290 + 7200))

    assert after.instances["a"].last_ms == TEN + 290_000


def test_an_ended_instance_lives_again_when_it_is_seen_again() -> None:
    ended = Instance({"container": "a"}, {"cpu.usage": 10_000}, TEN, TEN + 60_000)

    after = seen(a=(300, 590)).entry_after(
        Entry(API, {}, {"a": ended}, ORIGINS), until(290), until(590)
    )

    metrics = {"cpu.usage": 10_000, "cpu.utilization": 10_000}
    assert after.instances["a"] == Instance({"container": "a"}, metrics, TEN)


def test_an_ended_instance_stays_ended_where_it_stopped() -> None:
    ended = Instance({"container": "b"}, {"cpu.utilization": 10_000}, TEN, TEN + 60_000)
    entry = Entry(API, {}, {"a": living("a"), "b": ended}, ORIGINS)

    assert seen(a=(300, 590)).entry_after(entry, until(290), until(590)) == entry


def test_samples_from_before_move_the_beginning_back() -> None:
    after = seen(a=(-60, 590)).entry_after(
        Entry(API, {}, {"a": living("a")}, ORIGINS), until(290), until(590)
    )

    assert after.instances["a"].first_ms == TEN - 60_000


def test_an_entry_tells_what_the_newest_samples_were_made_of() -> None:
    sightings = Sightings()
    sightings.add([rows([(60, 0.5)], key(factor=0.02))], {})
    sightings.add([rows([(0, 0.1), (50, 0.2)], key(factor=0.01))], {})

    entry = sightings.entry_after(Entry(API, {}, {}, ORIGINS), Collected(), until(60))

    assert entry.origins == {"cpu.utilization": Origin("cpu.utilization", "pct", 0.02)}
