"""Storage: bytes a sample takes in hour chunks, and in the peers' files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import victoria_metrics
from benchmarks.fleet import Series
from benchmarks.peers import PeerMissing
from benchmarks.prometheus import Prometheus
from benchmarks.row import Row
from benchmarks.stack import Stack
from benchmarks.traces import ALONE
from benchmarks.victoria_metrics import VictoriaMetrics
from tributary.table import Item
from tributary.windows import Tier

PART = "storage"
# Of the CloudWatch traces, which are files of one series each; none is set for others.
_MOST_BYTES = 1.5
_ATTRIBUTE_NAMES = ("pk", "sk", "e", "d", "ttl")
_TTL_BYTES = 6


def rows(hosts: Mapping[str, Sequence[Series]], folder: Path) -> Iterator[Row]:
    """Each host's series as one resource, collected and compacted, beside every peer."""
    for host, series in hosts.items():
        stack = Stack()
        stack.collect(series)
        samples = sum(len(one.values) for one in series)
        resource = series[0].resource
        raw = _bytes(stack.items(resource, Tier.RAW)) / samples
        hour = _bytes(stack.items(resource, Tier.HOUR)) / samples
        what = f"{host}: {len(series)} series, bytes/sample"
        budget = _MOST_BYTES if host == ALONE else None
        yield Row(PART, f"{what}, hour chunks", _text(hour), figure=hour, most=budget)
        yield Row(PART, f"{what}, raw chunks", _text(raw))
        for measure in _PEERS:
            yield _beside(measure, f"{what}, hour chunks", hour, series, folder)


def item_bytes(item: Item) -> int:
    """What DynamoDB counts for a chunk's item: names and values of its attributes."""
    names = sum(map(len, _ATTRIBUTE_NAMES))
    keys = len(item.key.pk.encode()) + len(item.key.sk)
    return names + keys + len(item.digest) + len(item.data) + _TTL_BYTES


def _beside(
    measure: "_Measure", what: str, ours: float, series: Sequence[Series], folder: Path
) -> Row:
    samples = sum(len(one.values) for one in series)
    try:
        with TemporaryDirectory(dir=folder) as own:
            name, data, index = measure(series, Path(own))
    except PeerMissing as missing:
        return Row(PART, what, _text(ours), str(missing))
    theirs = (data + index) / samples
    peer = f"{_text(theirs)} ({index / samples:.2f} of it index of names), {name}"
    return Row(PART, what, _text(ours), peer, ours / theirs)


type _Measure = Callable[[Sequence[Series], Path], tuple[str, int, int]]


def _prometheus(series: Sequence[Series], folder: Path) -> tuple[str, int, int]:
    prometheus = Prometheus()
    size = prometheus.write(series, folder)
    return prometheus.name, size.chunks, size.index


def _victoria_metrics(series: Sequence[Series], folder: Path) -> tuple[str, int, int]:
    victoria = VictoriaMetrics()
    with victoria.serving(folder) as client:
        victoria_metrics.load(client, series)
    data, labels = victoria_metrics.data_bytes(folder), victoria_metrics.label_bytes(folder)
    return victoria.name, data, labels


_PEERS: tuple[_Measure, ...] = (_prometheus, _victoria_metrics)


def _bytes(items: Iterable[Item]) -> int:
    return sum(map(item_bytes, items))


def _text(figure: float) -> str:
    return f"{figure:.2f} B"
