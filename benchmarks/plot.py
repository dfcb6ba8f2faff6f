"""The plot of growth: small multiples, log-log, as an SVG that reads on white and on black."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.growth import Cost, Growth, kept
from local.build import ROOT

PLOT = ROOT / "docs" / "growth.svg"
_WIDTH, _PANEL_WIDTH, _PANEL_HEIGHT = 880, 330, 170
_LEFTS, _TOPS = (58, 490), (84, 322)
_HEIGHT = 540
_LINE_HEIGHT = 14

_HEAD = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"
  aria-labelledby="title description">
  <title id="title">Growth from ten to ten thousand resources</title>
  <desc id="description">{{description}}</desc>
  <style>
    text {{{{ font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }}}}
    .name {{{{ font-size: 13px; font-weight: 600; fill: #1f2328; }}}}
    .note {{{{ font-size: 11px; fill: #57606a; }}}}
    .end {{{{ text-anchor: end; }}}} .middle {{{{ text-anchor: middle; }}}}
    .grid {{{{ stroke: #d8dee4; }}}} .most {{{{ stroke: #8b96a3; stroke-dasharray: 4 4; }}}}
    .line {{{{ fill: none; stroke-width: 2.2; stroke-linejoin: round; }}}}
    .run {{{{ stroke: #6d5bd0; fill: #6d5bd0; }}}}
    .compaction {{{{ stroke: #0f8a79; fill: #0f8a79; }}}}
    .matching {{{{ stroke: #b3590a; fill: #b3590a; }}}}
    polyline.run, polyline.compaction, polyline.matching {{{{ fill: none; }}}}
    text.run, text.compaction, text.matching {{{{ stroke: none; }}}}
    @media (prefers-color-scheme: dark) {{{{
      .name {{{{ fill: #e6edf3; }}}} .note {{{{ fill: #9aa5b1; }}}} .grid {{{{ stroke: #30363d; }}}}
      .run {{{{ stroke: #9585f2; fill: #9585f2; }}}}
      .compaction {{{{ stroke: #2fc4ae; fill: #2fc4ae; }}}}
      .matching {{{{ stroke: #e8954a; fill: #e8954a; }}}}
    }}}}
  </style>"""


@dataclass(frozen=True, slots=True)
class Line:
    """One part of what is measured: its colour's class, its name, and its cost at a size."""

    style: str
    name: str
    cost: Callable[[Growth], Cost]


LINES = (
    Line("run", "a collector’s run", lambda growth: growth.run),
    Line("compaction", "compacting one hour", lambda growth: growth.compaction),
    Line("matching", "matching, warm", lambda growth: growth.matching),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure of the costs; `most` is a bound that is drawn."""

    name: str
    value: Callable[[Cost], float]
    most: float | None = None


PANELS = (
    Panel("Time, seconds", lambda cost: cost.seconds),
    Panel("Peak memory, MB", lambda cost: cost.peak_bytes / 2**20, most=512),
    Panel("Write units", lambda cost: cost.write_units),
    Panel("Read units", lambda cost: cost.read_units),
)


def drawn(growths: Sequence[Growth]) -> str:
    """The SVG of all panels; what is zero has no place on a logarithmic axis and is left out."""
    parts = [_HEAD.format(description=escape(_description(growths))), *_legend()]
    places = [(left, top) for top in _TOPS for left in _LEFTS]
    for panel, (left, top) in zip(PANELS, places, strict=True):
        parts += _panel(panel, growths, left, top)
    return "\n".join([*parts, "</svg>\n"])


def _description(growths: Sequence[Growth]) -> str:
    last = growths[-1]
    told = "; ".join(f"{line.name}: {line.cost(last)}" for line in LINES)
    return f"Against the number of resources, on logarithmic axes. At {last.resources:,}: {told}."


def _legend() -> Iterator[str]:
    for number, line in enumerate(LINES):
        left = _LEFTS[0] + number * 190
        yield f'  <rect class="{line.style}" x="{left}" y="21" width="22" height="4" rx="2"/>'
        yield f'  <text class="name" x="{left + 30}" y="28">{line.name}</text>'


def _panel(panel: Panel, growths: Sequence[Growth], left: int, top: int) -> Iterator[str]:
    lines = [
        (line, [(one.resources, panel.value(line.cost(one))) for one in growths]) for line in LINES
    ]
    across = _Axis.over((one.resources for one in growths), left, left + _PANEL_WIDTH)
    values = [value for _, points in lines for _, value in points if value > 0]
    up = _Axis.over([*values, panel.most or values[0]], top + _PANEL_HEIGHT, top)
    yield f'  <text class="name" x="{left}" y="{top - 14}">{panel.name}</text>'
    yield from _grid(across, up, left, top)
    if panel.most:
        y = up.at(panel.most)
        yield f'  <path class="most" d="M{left} {y:.1f}h{_PANEL_WIDTH}"/>'
        yield f'  <text class="note" x="{left + 6}" y="{y + 13:.1f}">at most {panel.most:g}</text>'
    for line, points in lines:
        places = [(across.at(x), up.at(y)) for x, y in points if y > 0]
        yield from _line(line, places) if places else ()
    ends = [(up.at(points[-1][1]), line, points[-1][1]) for line, points in lines if points[-1][1]]
    yield from _ends(ends, left + _PANEL_WIDTH + 8)


def _grid(across: "_Axis", up: "_Axis", left: int, top: int) -> Iterator[str]:
    for value in up.decades():
        y = up.at(value)
        yield f'  <path class="grid" d="M{left} {y:.1f}h{_PANEL_WIDTH}"/>'
        yield f'  <text class="note end" x="{left - 8}" y="{y + 4:.1f}">{_short(value)}</text>'
    bottom = top + _PANEL_HEIGHT
    for value in across.decades():
        x = across.at(value)
        yield f'  <text class="note middle" x="{x:.1f}" y="{bottom + 18}">{_short(value)}</text>'
    if top == _TOPS[-1]:
        middle = left + _PANEL_WIDTH // 2
        yield f'  <text class="note middle" x="{middle}" y="{bottom + 34}">resources</text>'


def _line(line: Line, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'  <polyline class="line {line.style}" points="{path}"/>'
    for x, y in places:
        yield f'  <circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _ends(ends: Iterable[tuple[float, Line, float]], x: int) -> Iterator[str]:
    """What each line ends at in numbers, beside it but not on one another."""
    free = -math.inf
    for y, line, value in sorted(ends, key=lambda end: end[0]):
        free = max(y + 4, free)
        yield f'  <text class="{line.style}" x="{x}" y="{free:.1f}">{_short(value)}</text>'
        free += _LINE_HEIGHT


@dataclass(frozen=True, slots=True)
class _Axis:
    """Whole decades on a logarithmic scale between two places."""

    least: int
    greatest: int
    first: float
    last: float

    @classmethod
    def over(cls, values: Iterable[float], first: float, last: float) -> "_Axis":
        logarithms = [math.log10(value) for value in values]
        least = math.floor(min(logarithms))
        return cls(least, max(math.ceil(max(logarithms)), least + 1), first, last)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.least) / (self.greatest - self.least)
        return self.first + share * (self.last - self.first)

    def decades(self) -> Iterator[float]:
        yield from (10.0**power for power in range(self.least, self.greatest + 1))


def _short(value: float) -> str:
    """1,600 as a person reads it at a glance: `1.6k`."""
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    if value >= 1000:
        return f"{value / 1000:.1f}k".replace(".0k", "k")
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    PLOT.write_text(drawn(kept()))
