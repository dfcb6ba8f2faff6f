"""Whether something has the shape that a page shows: the same where fixed, alike elsewhere."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

# A list or transcript that shows it leaves something out there.
LEFT_OUT = "…"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Members whose text is another every time.
_VARYING = frozenset({"requestId"})

_NEVER_THE_SAME = (
    (re.compile(r"bootstrap\.\w+"), "bootstrap.TOKEN"),
    (re.compile(r"\d[\d,]*(\.\d+)?"), "0"),
    (re.compile(r"[▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█ ]*$"), "▁"),
    (re.compile(r" [kMGT]?B\b"), " B"),
    (re.compile(r"\((emulator|process)\)"), "(emulator)"),
    (re.compile(r"\s+"), " "),
)


def differences(shown: Any, real: Any, where: str = "$") -> Iterator[str]:
    """What is otherwise in the real JSON than a page shows, as sentences.

    Names, texts, whole numbers and nulls are to be the same; times and fractions are to be such;
    rows of numbers may differ in length; lists of objects are to hold the same ones in any order,
    or at least those shown where the page ends them with "…".
    """
    if isinstance(shown, dict) and isinstance(real, dict):
        if shown.keys() != real.keys():
            yield f"{where} has {sorted(real)}, not {sorted(shown)}"
            return
        for name, value in shown.items():
            if name not in _VARYING or not isinstance(real[name], str):
                yield from differences(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        yield from _between_lists(shown, real, where)
    elif not _alike(shown, real):
        yield f"{where} is {real!r}, not such as {shown!r}"


def transcript_differences(shown: Iterable[str], real: Iterable[str]) -> list[str]:
    """The first shown line that does not come, after those before it, among the real ones."""
    left = iter([line_shape(line) for line in real])
    for line in shown:
        if line != LEFT_OUT and line_shape(line) not in left:
            return [line]
    return []


def line_shape(line: str) -> str:
    """A line of a transcript with all that is another every time replaced."""
    for pattern, replacement in _NEVER_THE_SAME:
        line = pattern.sub(replacement, line)
    return line.strip()


def parsed(language: str, text: str) -> Any:
    """A shown or real body as one document: JSON, a list for JSON lines, a list of rows for CSV."""
    if language == "csv":
        rows = csv.DictReader(text.splitlines())
        return [{name: _number(cell) for name, cell in row.items()} for row in rows]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


def _between_lists(shown: list[Any], real: list[Any], where: str) -> Iterator[str]:
    whole = LEFT_OUT not in shown
    shown = [each for each in shown if each != LEFT_OUT]
    if any(isinstance(each, dict) for each in shown):
        for each in shown:
            if not any(_fits(each, other) for other in real):
                closest = [list(differences(each, other, where)) for other in real]
                yield f"{where} holds nothing such as {each}: {min(closest, key=len, default='')}"
        for other in real if whole else ():
            if not any(_fits(each, other) for each in shown):
                yield f"{where} holds {other} too"
    elif any(isinstance(each, str) for each in shown):
        if shown != real:
            yield f"{where} is {real}, not {shown}"
    elif {_kind(each) for each in real} - {"null"} != {_kind(each) for each in shown} - {"null"}:
        yield f"{where} is {real}, not such as {shown}"


def _fits(shown: Any, real: Any) -> bool:
    return not list(differences(shown, real))


def _alike(shown: Any, real: Any) -> bool:
    if _kind(shown) != _kind(real):
        return False
    return shown == real or _kind(shown) in ("fraction", "time")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case float():
            return "fraction"
        case str() if _TIME.fullmatch(value):
            return "time"
        case _:
            return type(value).__name__


def _number(cell: str) -> str | float:
    """Numbers of CSV rows are all such as may differ, timestamps too."""
    try:
        return float(cell)
    except ValueError:
        return cell
