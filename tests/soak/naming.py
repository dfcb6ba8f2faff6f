"""What the simulators measure in the model's names and units, and whose it is."""

from local.providers.ledger import ServedSample, ServedSeries
from tests.conversions import CONVERSIONS
from tests.soak.clock import START
from tests.soak.fleets import REMADE_AT
from tests.soak.obtainable import Series
from tributary.windows import rfc3339

_REMADE_MS = (START + REMADE_AT) * 1000


def series_of(provider: str, sample: ServedSample) -> Series:
    """Whose sample it is; of the slug that was re-made, by the container that had it."""
    served = sample.series
    resource = f"{provider}/main/{served.resource}".removesuffix("-again")
    if (served.container or "").startswith("web-2"):
        resource += f"~{rfc3339(_REMADE_MS)}"
    instance = served.container or "-"
    instance = f"{instance}/{served.volume}" if served.volume else instance
    return Series(resource, instance, _conversion(served)[0], served.resolution_seconds * 1000)


def value_of(sample: ServedSample) -> tuple[float, float]:
    """The sample's value in the model's unit, and the precision that it is kept with."""
    _, factor, precision = _conversion(sample.series)
    return sample.value * factor, precision


def _conversion(series: ServedSeries) -> tuple[str, float, float]:
    return CONVERSIONS[series.metric, series.unit]
