"""Queries: how long averages by provider take over a hundred series, through the handler and at
the peers, once their answers have been found to agree."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest import mock
from urllib.parse import urlencode

from benchmarks import victoria_metrics
from benchmarks.fleet import METRICS, Series
from benchmarks.peers import PeerMissing
from benchmarks.prometheus import Prometheus
from benchmarks.row import Row
from benchmarks.server import Client
from benchmarks.stack import Stack, body_of
from benchmarks.victoria_metrics import VictoriaMetrics
from functions.query_api import lines
from functions.query_api.arithmetic import Lists
from local.failure import Failure
from tributary.metrics import metric_named
from tributary.windows import DAY_MS, FIVE_MINUTES_MS, HOUR_MS, SECOND_MS

# A step's last sample is older than its end by this much at least, and the next one's first
# younger: a peer asked there has just the step's samples in its window, open on the left or not.
_BEFORE_END_SECONDS = 5
_REPETITIONS = 9
_WARM_UPS = 2
# Ours are rounded to this share of the metric's precision, and sums of floats differ in order.
_OF_PRECISION = 1e-3
_RELATIVE = 1e-9
_NO_SLOWER = 1.0

PROMETHEUS, VICTORIA_METRICS = "Prometheus", "VictoriaMetrics"
# Prometheus is asked what its users would ask, though that mixes ten metrics in two lines; where it
# is a matter of a few milliseconds, twenty lines are held against the same twenty.
_GROUPED_BY = {PROMETHEUS: "provider", VICTORIA_METRICS: "provider, metric"}
# Steps in seconds, and the peer that is to be no faster there.
_DAY_STEPS = ((60, PROMETHEUS), (300, VICTORIA_METRICS), (3600, VICTORIA_METRICS))
_YEAR_STEPS = ((3600, VICTORIA_METRICS), (86_400, VICTORIA_METRICS))


@dataclass(frozen=True, slots=True)
class Question:
    """One range query over [start, end) in Unix seconds."""

    start_s: int
    end_s: int
    step_s: int

    def ours(self) -> str:
        """The raw query string: all metrics at once, averaged by provider."""
        metrics = [("metric", metric) for metric in METRICS]
        times = [("start", self.start_s), ("end", self.end_s), ("step", f"{self.step_s}s")]
        return urlencode([*metrics, ("by", "provider"), *times])

    def theirs(self, by: str = "provider") -> dict[str, object]:
        """The same as parameters of `/api/v1/query_range`, of the samples in the same windows."""
        return {
            "query": f"avg by ({by}) (avg_over_time(m[{self.step_s}s]))",
            "start": self.start_s + self.step_s - _BEFORE_END_SECONDS,
            "end": self.end_s - _BEFORE_END_SECONDS,
            "step": self.step_s,
            "nocache": 1,
        }


def rows(series: Sequence[Series], folder: Path) -> Iterator[Row]:
    """A day at ten seconds, in steps of a minute, five minutes and an hour."""
    yield from _measured("queries", series, FIVE_MINUTES_MS, _DAY_STEPS, _every_peer, folder)


def year_rows(series: Sequence[Series], folder: Path) -> Iterator[Row]:
    """A year at five minutes, in steps of an hour and a day, beside VictoriaMetrics."""
    yield from _measured("year", series, HOUR_MS, _YEAR_STEPS, _victoria_metrics_alone, folder)


type _Peers = dict[str, tuple[str, Client] | PeerMissing]
type _Started = Callable[[ExitStack, Sequence[Series], Path], _Peers]


def _measured(
    part: str,
    series: Sequence[Series],
    collected_every_ms: int,
    steps: Sequence[tuple[int, str]],
    started: _Started,
    folder: Path,
) -> Iterator[Row]:
    stack = Stack()
    stack.collect(series, collected_every_ms)
    start_ms, end_ms = series[0].start_ms, series[0].end_ms
    with ExitStack() as running:
        peers = started(running, series, folder)
        for step_s, rival in steps:
            question = Question(start_ms // SECOND_MS, end_ms // SECOND_MS, step_s)
            for name, peer in peers.items():
                most = _NO_SLOWER if name == rival else None
                yield from _beside(part, question, stack, name, peer, most)


def _beside(
    part: str,
    question: Question,
    stack: Stack,
    peer_name: str,
    peer: tuple[str, Client] | PeerMissing,
    most: float | None,
) -> Iterator[Row]:
    length = (question.end_s - question.start_s) * SECOND_MS // DAY_MS
    what = f"100 series x {length} d, step {question.step_s} s"
    if isinstance(peer, PeerMissing):
        ours_s = _timed(lambda: stack.ask(question.ours()))
        yield Row(part, what, _text(ours_s), str(peer), most=most)
        return
    name, client = peer
    check_agreement(question, body_of(stack.ask(question.ours())), _in_detail(client, question))
    raw = question.ours()
    for note, ours, encoding, held in (
        ("", lambda: stack.ask(raw), "identity", most),
        (", gzip", lambda: stack.ask(raw, "gzip"), "gzip", None),
        (", without numpy", lambda: _without_numpy(lambda: stack.ask(raw)), "identity", None),
        (", first of a function", lambda: stack.ask_first(raw), "identity", None),
    ):
        theirs = partial(
            client.get, "/api/v1/query_range", question.theirs(_GROUPED_BY[peer_name]), encoding
        )
        ours_s, theirs_s = _alternating(ours, theirs)
        peer_text = f"{_text(theirs_s)}, {name}"
        yield Row(part, what + note, _text(ours_s), peer_text, ours_s / theirs_s, most=held)


def _without_numpy(ask: Callable[[], object]) -> None:
    with mock.patch.object(lines, "arithmetic_for", return_value=Lists()):
        ask()


def check_agreement(question: Question, ours: bytes, theirs: bytes) -> None:
    """Failure unless both have a value for each provider, metric and step, and the same one: to a
    thousandth of the metric's precision and a billionth of itself."""
    mine, other = _our_values(ours), _their_values(theirs, question)
    if mine.keys() != other.keys():
        raise Failure(f"{question} has {len(mine)} values here and {len(other)} at the peer")
    for key, value in mine.items():
        decimals = metric_named(key[1]).decimals or 0
        if not math.isclose(
            value, other[key], rel_tol=_RELATIVE, abs_tol=_OF_PRECISION * 10**-decimals
        ):
            raise Failure(f"{question}: {key} is {value} here and {other[key]} at the peer")


type _Values = Mapping[tuple[str, str, int], float]


def _our_values(body: bytes) -> _Values:
    document = json.loads(body)
    return {
        (one["attributes"]["provider"], one["metric"], time_s): value
        for one in document["series"]
        for time_s, value in zip(document["timestamps"], one["values"], strict=True)
        if value is not None
    }


def _their_values(body: bytes, question: Question) -> _Values:
    before_s = question.step_s - _BEFORE_END_SECONDS
    return {
        (one["metric"]["provider"], one["metric"]["metric"], int(time_s) - before_s): float(value)
        for one in json.loads(body)["data"]["result"]
        for time_s, value in one["values"]
    }


def _in_detail(client: Client, question: Question) -> bytes:
    """The peer's averages before those of different metrics are mixed, as ours never are."""
    return client.get("/api/v1/query_range", question.theirs("provider, metric"))


def _every_peer(running: ExitStack, series: Sequence[Series], folder: Path) -> _Peers:
    peers: _Peers = {PROMETHEUS: _prometheus(running, series, folder)}
    return peers | _victoria_metrics_alone(running, series, folder)


def _victoria_metrics_alone(running: ExitStack, series: Sequence[Series], folder: Path) -> _Peers:
    return {VICTORIA_METRICS: _victoria_metrics(running, series, folder)}


def _prometheus(
    running: ExitStack, series: Sequence[Series], folder: Path
) -> tuple[str, Client] | PeerMissing:
    try:
        prometheus = Prometheus()
    except PeerMissing as missing:
        return missing
    own = Path(running.enter_context(TemporaryDirectory(dir=folder)))
    prometheus.write(series, own)
    return prometheus.name, running.enter_context(prometheus.serving(own))


def _victoria_metrics(
    running: ExitStack, series: Sequence[Series], folder: Path
) -> tuple[str, Client] | PeerMissing:
    try:
        victoria = VictoriaMetrics()
    except PeerMissing as missing:
        return missing
    own = Path(running.enter_context(TemporaryDirectory(dir=folder)))
    client = running.enter_context(victoria.serving(own))
    victoria_metrics.load(client, series)
    return victoria.name, client


def _alternating(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, in turns, so that what slows the machine slows both."""
    taken = [(_seconds(ours), _seconds(theirs)) for _ in range(_WARM_UPS + _REPETITIONS)]
    mine, other = zip(*taken[_WARM_UPS:], strict=True)
    return median(mine), median(other)


def _timed(ours: Callable[[], object]) -> float:
    return _alternating(ours, lambda: None)[0]


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _text(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
