"""Items: what each item of the table says, as facts that can be compared one by one.

Two tables are equal when they hold the same items, with the same facts and times of expiry. What
is no fact, and so may differ after a crash:

- `seen` of samples, the slot of the run that fetched them: after a crash a later one did. Nor the
  item's digest, which covers it.
- `described_ms` of the registry, the slot in which details were asked for, likewise.
- `since_ms` and `empty_ms` of a state: how far back the provider was asked for what it never had,
  which a later run counts from its own slot. What it had is compared as samples.
- an account's `run` item: who holds the lease, and how much of the budget is spent. What it must
  not say is checked apart (`world.spent`).

Everything else is a fact: watermarks, attempts and failures, attributes, marks, digests listed.
Only raw chunks count together with the hour chunk that they become part of: what is late is put
there directly. Hour chunks are compared apart as well, and so what is compacted.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from tributary import codec, packed, rollup_codec, state_codec
from tributary.table import Item
from tributary.table import Key as TableKey

type Key = tuple[str, str]
type Attributes = Mapping[str, Mapping[str, Any]]
type Facts = dict[tuple[Any, ...], Any]

_NO_FACTS = re.compile(r"acc#\S+ run")
_NO_FACT_NAMES = frozenset({"described_ms", "since_ms", "empty_ms"})
_DIGESTS = ("reg", "!")


def facts_of(
    items: Mapping[Key, Attributes], besides: Mapping[Key, Attributes]
) -> dict[str, Facts]:
    """The facts of every item, by its keys as `pk sk`; not of those that are alike to the last byte
    in another table."""
    facts: defaultdict[str, Facts] = defaultdict(dict)
    differ = {key for key in items.keys() | besides.keys() if items.get(key) != besides.get(key)}
    hours = {hour for key in differ if (hour := _hour(key))}
    for key, attributes in items.items():
        name, hour = " ".join(key), _hour(key)
        if _NO_FACTS.fullmatch(name) or not (key in differ or hour in hours or key == _DIGESTS):
            continue
        found = _facts(key, attributes, items)
        if hour:
            # Path and value: of one instant two tiers may hold two. The rest is an item's own.
            facts[hour] |= {(*path, told): True for path, told in found.items() if len(path) > 1}
        if not key[1].startswith("r#"):
            facts[name] = found
    return facts


def _hour(key: Key) -> str:
    """`pk r or h#2026-11-22T10` of what holds fine samples, in whatever tier."""
    pk, sk = key
    return f"{pk} r or h{sk[1:15]}" if sk.startswith(("r#", "h#")) else ""


def _facts(key: Key, attributes: Attributes, items: Mapping[Key, Attributes]) -> Facts:
    if key == _DIGESTS:
        return _listed(_unpacked(key, attributes), items)
    facts: Facts = {
        (name,): tuple(value.items())
        for name, value in attributes.items()
        if name not in ("d", "e")
    }
    if "d" in attributes:
        facts |= _read_by(key)(_data(key, attributes))
    return facts


def _read_by(key: Key) -> Callable[[bytes], Facts]:
    pk, sk = key
    kind = sk.partition("#")[0]
    if pk.startswith("acc#") and kind == "state":
        return lambda data: _leaves(
            {name: asdict(one) for name, one in state_codec.decode(data).resources.items()}
        )
    if pk == "reg" or pk.startswith(("acc#", "inv#")):
        return lambda data: _leaves(packed.unpacked(Item(TableKey(*key), data, b"")))
    return {**dict.fromkeys("rhdm", _samples), **dict.fromkeys("5HD", _points)}[kind]


def _samples(data: bytes) -> Facts:
    return {
        (*column.key, time_ms): (value, run.resolution_ms)
        for column in codec.decode(data)
        for first, last, run in column.spans()
        for time_ms, value in zip(column.times[first:last], column.values[first:last], strict=True)
    }


def _points(data: bytes) -> Facts:
    facts: Facts = {}
    for key, points in rollup_codec.decode(data).items():
        scale, times, *numbers = asdict(points).values()
        for time_ms, *row in zip(times, *numbers, strict=True):
            facts[(*key, time_ms)] = (scale, *row)
    return facts


def _listed(digests: Mapping[str, str], items: Mapping[Key, Attributes]) -> Facts:
    """Of each shard whether the digest that readers go by is that of what is stored."""
    stored = {sk: attributes for (pk, sk), attributes in items.items() if pk == "reg"}
    return {(name,): stored[name]["e"]["B"].hex() == digest for name, digest in digests.items()}


def _unpacked(key: Key, attributes: Attributes) -> Any:
    return packed.unpacked(Item(TableKey(*key), _data(key, attributes), b""))


def _data(key: Key, attributes: Attributes) -> bytes:
    data: bytes = attributes["d"]["B"]
    return data


class _Leaf(NamedTuple):
    path: tuple[Any, ...]
    value: Any


def _leaves(document: Any) -> Facts:
    return {
        leaf.path: leaf.value
        for leaf in _walked((), document)
        if _NO_FACT_NAMES.isdisjoint(leaf.path)
    }


def _walked(path: tuple[Any, ...], value: Any) -> Iterator[_Leaf]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, (list, tuple))
        else ()
    )
    for name, child in children:
        yield from _walked((*path, name), child)
    if not children:
        yield _Leaf(path, value)
