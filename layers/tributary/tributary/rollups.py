"""Rollups: points of five minutes, an hour and a day, made anew of what they stand for.

An item is put only if nobody changed it since it was read, and it is read before what it is made
of: so of two who make it at once, the later one sees all that the earlier saw.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from tributary.columns import Column, as_one
from tributary.decoded import Decoded, everything
from tributary.errors import ContendedError, FatalError
from tributary.metrics import metric_named
from tributary.points import (
    WHOLE,
    Folded,
    PointAxes,
    Points,
    SeriesKey,
    gathered,
    joined,
    rolled_up,
)
from tributary.retention import Retention
from tributary.rollup_codec import FOLDS, NATURAL, decode, decode_folded, encode
from tributary.store import LARGEST_ITEM_BYTES, PARTED_ABOVE_BYTES, PARTED_DIGEST, Store, part_of
from tributary.table import ChangedError, Item, Key, Table
from tributary.windows import (
    FIVE_MINUTES_MS,
    SECOND_MS,
    RollupTier,
    Window,
    key_time,
    window_holding,
)

_ATTEMPTS = 12
# 8 bytes a row and fold, and the times of rows, which series mostly share.
_MOST_ROWS = 1_000_000
# The instance of a VPS, and of whatever has no instances: it is the whole resource itself.
_ONLY = "-"

type Series = Mapping[SeriesKey, Points]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A rollup item as it was read, with the parts it may lie in, by digit."""

    key: Key
    item: Item | None
    parts: Mapping[str, Item]

    @property
    def in_parts(self) -> bool:
        return self.item is not None and self.item.parted

    @property
    def items(self) -> Iterable[Item]:
        """Where its points lie; parts that no item points to are of a writer who died, or is not
        done."""
        if self.item is None:
            return ()
        return self.parts.values() if self.item.parted else (self.item,)

    def series(self) -> Series:
        """All of its points."""
        return {key: one for item in self.items for key, one in decode(item.data).items()}


class Rollups:
    """Makes and reads the rollups of resources."""

    def __init__(
        self,
        table: Table,
        store: Store,
        retention: Retention,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._store = store
        self._retention = retention
        self._clock = clock
        self._decoded = {
            over: Decoded(partial(decode_folded, over=over), _MOST_ROWS)
            for over in (NATURAL, *FOLDS)
        }

    def renew_hours(self, resource: str, window: Window) -> None:
        """Makes the five-minute points of the window's hours anew, from their hour chunks."""
        stored = {
            one.key: one
            for one in self._stored(resource, RollupTier.FIVE_MINUTES, window, consistent=True)
        }
        for hour, columns in self._store.compacted_hours(resource, window):
            key = _key(resource, RollupTier.FIVE_MINUTES, hour)
            target = stored.get(key, _Stored(key, None, {}))
            if not self._put(target, five_minute_points(columns), RollupTier.FIVE_MINUTES, hour):
                self._renew_hour(resource, hour)

    def renew_day(self, resource: str, day: Window, brief: Collection[str] = ()) -> None:
        """Makes the day's points of an hour and of a day anew, from those of five minutes.

        `brief` are instances known to have come and gone within the day, as queries know them.
        """
        for _ in range(_ATTEMPTS):
            week, month = (
                self._one(resource, tier, window_holding(tier, day.start_ms))
                for tier in (RollupTier.HOUR, RollupTier.DAY)
            )
            hours = self._stored(resource, RollupTier.FIVE_MINUTES, day, consistent=True)
            lasting = _lasting([one.series() for one in hours], brief)
            if all(
                self._put_day(target, tier, day, lasting)
                for target, tier in ((week, RollupTier.HOUR), (month, RollupTier.DAY))
            ):
                return
        raise _contended(resource, day)

    def read(
        self,
        resource: str,
        tier: RollupTier,
        window: Window,
        wanted: Callable[[SeriesKey], bool] = everything,
        over: str = NATURAL,
    ) -> dict[SeriesKey, Folded]:
        """What a fold (avg, min, max, sum, count, last, or NATURAL) makes of the points that start
        in the window and have not expired, by series."""
        start_ms = max(window.start_ms, self._retention.kept_from(tier, self._now_ms()))
        found: defaultdict[SeriesKey, list[Folded]] = defaultdict(list)
        if start_ms < window.end_ms:
            stored = self._stored(resource, tier, Window(start_ms, window.end_ms))
            for item in (item for one in stored for item in one.items):
                for key, folded in self._decoded[over].series(item, wanted).items():
                    if points := folded.between(start_ms, window.end_ms):
                        found[key].append(points)
        axes = PointAxes()
        return {key: axes.joined(parts) for key, parts in found.items()}

    def series(
        self, resource: str, tier: RollupTier, window: Window
    ) -> Iterator[tuple[SeriesKey, Points]]:
        """The whole points of the items whose windows overlap, series by series of each item."""
        for stored in self._stored(resource, tier, window):
            yield from stored.series().items()

    def _renew_hour(self, resource: str, hour: Window) -> None:
        for _ in range(_ATTEMPTS):
            target = self._one(resource, RollupTier.FIVE_MINUTES, hour)
            columns = [
                column
                for _, columns in self._store.compacted_hours(resource, hour)
                for column in columns
            ]
            if self._put(target, five_minute_points(columns), RollupTier.FIVE_MINUTES, hour):
                return
        raise _contended(resource, hour)

    def _put_day(
        self, target: _Stored, tier: RollupTier, day: Window, lasting: Mapping[SeriesKey, Points]
    ) -> bool:
        """Puts the day's points in the place of those that the item has of it."""
        window, known = window_holding(tier, day.start_ms), target.series()
        series: dict[SeriesKey, Points] = {}
        for key in known.keys() | lasting.keys():
            pieces = [gathered([lasting[key]], tier.point_ms)] if key in lasting else []
            if key in known:
                before = known[key].between(window.start_ms, day.start_ms)
                pieces = [before, *pieces, known[key].between(day.end_ms, window.end_ms)]
            if points := joined(pieces):
                series[key] = points
        return self._put(target, series, tier, window)

    def _put(self, target: _Stored, series: Series, tier: RollupTier, window: Window) -> bool:
        """Puts what differs from the target; False if that is no longer what was read."""
        expires_s = self._retention.end_of(tier, window) // SECOND_MS
        try:
            if not target.in_parts:
                data, digest = encode(series)
                if len(data) <= PARTED_ABOVE_BYTES:
                    item = Item(target.key, data, digest, expires_s)
                    self._put_changed(item, target.item, worth=bool(series))
                    return True
            for part, piece in _parts(series, target.parts).items():
                data, digest = encode(piece)
                if len(data) > LARGEST_ITEM_BYTES:
                    raise FatalError(
                        f"{target.key.pk} {target.key.sk}: the rollups of {len(series)} series "
                        "take more than a DynamoDB item holds; leave out some of its containers"
                    )
                key = Key(target.key.pk, f"{target.key.sk}#{part}")
                item = Item(key, data, digest, expires_s)
                self._put_changed(item, target.parts.get(part))
            # Last, so that whoever finds it finds all of the parts.
            marker = Item(target.key, b"", PARTED_DIGEST, expires_s, parted=True)
            self._put_changed(marker, target.item)
        except ChangedError:
            return False
        return True

    def _put_changed(self, item: Item, stored: Item | None, *, worth: bool = True) -> None:
        if stored is None and not worth:
            return
        if stored is None or stored.digest != item.digest:
            self._table.put(item, stored.digest if stored else None)

    def _one(self, resource: str, tier: RollupTier, window: Window) -> _Stored:
        found = self._stored(resource, tier, window, consistent=True)
        return next(found, _Stored(_key(resource, tier, window), None, {}))

    def _stored(
        self, resource: str, tier: RollupTier, window: Window, *, consistent: bool = False
    ) -> Iterator[_Stored]:
        first = _key(resource, tier, window_holding(tier, window.start_ms))
        last = _key(resource, tier, window_holding(tier, window.end_ms - 1))
        # "~" sorts after the "#" that parts add to their item's key.
        items = self._table.query(resource, first.sk, f"{last.sk}~", consistent=consistent)
        for sk, found in groupby(items, lambda item: "#".join(item.key.sk.split("#")[:2])):
            alike = {item.key.sk[len(sk) + 1 :]: item for item in found}
            yield _Stored(Key(resource, sk), alike.pop("", None), alike)

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)


def five_minute_points(columns: Iterable[Column]) -> dict[SeriesKey, Points]:
    """Points of five minutes by series: each instance's, and the whole resource's over them.

    A metric of scope resource is a total whatever instance it arrives under, so that it has the
    whole resource's alone. Where the resource is its only instance, that is the whole.
    """
    by_metric: defaultdict[str, defaultdict[str, list[Column]]]
    by_metric = defaultdict(lambda: defaultdict(list))
    for column in columns:
        total = metric_named(column.key.metric).scope == "resource"
        by_metric[column.key.metric][WHOLE if total else column.key.instance].append(column)
    series: dict[SeriesKey, Points] = {}
    for metric, instances in by_metric.items():
        points = {
            instance: rolled_up(one, FIVE_MINUTES_MS)
            for instance, alike in instances.items()
            if (one := as_one(alike))
        }
        if points.keys() not in ({WHOLE}, {_ONLY}):
            points[WHOLE] = gathered(points.values(), FIVE_MINUTES_MS)
        series |= {SeriesKey(metric, instance): one for instance, one in points.items()}
    return series


def _lasting(hours: Sequence[Series], brief: Collection[str]) -> dict[SeriesKey, Points]:
    """A day's five-minute points, without instances that came and went within it.

    Such are only told apart at five minutes: a service that is deployed every hour would have
    hundreds a month. One that was there in the first or the last hour may go on in another day.
    """
    if not hours:
        return {}
    lasting = {key.instance for hour in (hours[0], hours[-1]) for key in hour} | {WHOLE, _ONLY}
    left_out = set(brief) - lasting
    shared = {key.metric for hour in hours for key in hour if key.instance == WHOLE}
    found: defaultdict[SeriesKey, list[Points]] = defaultdict(list)
    for hour in hours:
        for key, points in hour.items():
            if key.instance not in left_out:
                found[key].append(points)
            whole = SeriesKey(key.metric, WHOLE)
            # In hours in which it was the only instance it is the whole, which in others has more.
            if key.instance == _ONLY and key.metric in shared and whole not in hour:
                found[whole].append(points)
    return {key: joined(points) for key, points in found.items()}


def _parts(series: Series, stored: Iterable[str]) -> dict[str, dict[SeriesKey, Points]]:
    """The series by part; parts that are stored and have none any more are empty."""
    parts: dict[str, dict[SeriesKey, Points]] = {part: {} for part in stored}
    for key, points in series.items():
        parts.setdefault(part_of(key.instance), {})[key] = points
    return parts


def _key(resource: str, tier: RollupTier, window: Window) -> Key:
    return Key(resource, f"{tier.value}#{key_time(window.start_ms)}")


def _contended(resource: str, window: Window) -> ContendedError:
    return ContendedError(
        f"rollups of {resource} from {key_time(window.start_ms)}: changed by others "
        f"{_ATTEMPTS} times in a row"
    )
