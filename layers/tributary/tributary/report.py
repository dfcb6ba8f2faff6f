"""The report of one run over one account: the counts that are logged, shown and alarmed on."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tributary.consumed import Consumed
from tributary.errors import TributaryError


@dataclass(slots=True)
class Report:
    """What one run did for one account.

    `samples` are those that were news to the store, `behind_seconds` is how far the resource that
    is furthest behind is from the run's end, `postponed` are resources left to the next run for
    want of time or of requests, and `every_seconds` is how often the request budget lets each have
    its turn. `budget_left` is what the run left of the budget, in percent. `gap_seconds` is what is
    open of all resources' time, `imported` what is stored of the providers' history, in percent,
    and `import_seconds` about how long the rest takes. `refused` are series of new instances that
    were left out, for the account had too many. `consumed` is what the table counted meanwhile,
    `unknown` counts pairs of provider metric and unit that have no canonical name.

    A run that failed before it came to its resources knows neither how far they are behind nor
    what is left of the budget: None.
    """

    provider: str
    account: str
    resources: int = 0
    requests: int = 0
    samples: int = 0
    published: int = 0
    postponed: int = 0
    behind_seconds: float | None = None
    every_seconds: float = 0.0
    budget_left: float | None = None
    gap_seconds: float = 0.0
    imported: int = 100
    import_seconds: float = 0.0
    refused: int = 0
    consumed: Consumed = field(default_factory=Consumed)
    errors: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def failed(self, error: TributaryError, what: str) -> None:
        """Counts an error by kind and keeps its message, each message once."""
        self.errors[error.kind] += 1
        self.warned(f"{what}: {error}")

    def warned(self, message: str) -> None:
        """Keeps a message for the log, each once."""
        if message not in self.messages:
            self.messages.append(message)

    def fields(self) -> dict[str, Any]:
        """The report as one structured log line's fields."""
        behind, left = self.behind_seconds, self.budget_left
        return {
            "provider": self.provider,
            "account": self.account,
            "resources": self.resources,
            "requests": self.requests,
            "samples": self.samples,
            "published": self.published,
            "postponed": self.postponed,
            "secondsBehind": None if behind is None else round(behind, 3),
            "everySeconds": round(self.every_seconds),
            "budgetLeftPercent": None if left is None else round(left, 1),
            "gapSeconds": round(self.gap_seconds),
            "importedPercent": self.imported,
            "importSecondsLeft": round(self.import_seconds),
            "seriesRefused": self.refused,
            "readUnits": self.consumed.read_units,
            "writeUnits": self.consumed.write_units,
            "errors": dict(self.errors),
            "unknownUnits": dict(self.unknown),
            "messages": self.messages,
        }
