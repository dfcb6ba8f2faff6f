"""The bill: what a fleet comes to a month on AWS, line by line, each with its arithmetic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from samtranslator.yaml_helper import yaml_parse

from functions.hostup_collector.provider import Hostup
from functions.northflank_collector.provider import Northflank
from local import prices
from local.fleet_size import Part, together
from local.parameters import TEMPLATE
from local.prices import HOURS_A_MONTH, million, usd
from tributary.course import RUN_MS
from tributary.pacing import Standing, portion
from tributary.windows import HOUR_MS, MINUTE_MS, SECOND_MS

# What a run takes besides waiting for its host, which about answers in this time.
_RUN_SECONDS, _ANSWER_SECONDS = 1.5, 0.25
# Measured: docs/performance.md, Growth.
_COMPACTION_SECONDS, _COMPACTION_SECONDS_A_RESOURCE = 1.0, 0.017
# A query of a day of samples takes so many, by docs/performance.md, and about so long.
_QUERY_READ_UNITS, _QUERY_SECONDS = 14.5, 0.1
# An account's state and hours, and the record of its runs, an hour of twelve runs.
_STATE_UNITS, _RECORD_UNITS = 25, 24
_LOG_BYTES_A_RUN = 3_000
_POLLS_A_MINUTE = 15
# A collector of an account, the compactor, the API: docs/design.md, CloudWatch.
_METRICS_AN_ACCOUNT, _METRICS_OF_THE_REST = 8, 8
_LETTERS = {"r": "RawRetentionDays", "h": "HourRetentionDays", "5": "FiveMinuteRetentionDays"}
_PARALLEL = {"northflank": Northflank.parallel_requests, "hostup": Hostup.parallel_requests}
_TIERS = {
    "r": "raw chunks",
    "h": "hour chunks",
    "5": "five-minute rollups",
    "H": "hourly rollups",
    "D": "daily rollups",
}


@dataclass(frozen=True)
class Line:
    """A line of the bill: what, its arithmetic, and what it comes to a month, if it costs."""

    what: str
    arithmetic: str
    usd: float | None = None

    def __str__(self) -> str:
        cost = "" if self.usd is None else f" = {usd(self.usd)}"
        return f"  {self.what:<24}{self.arithmetic}{cost}"


class Bill:
    """What parts of a fleet come to, under values of the template's parameters."""

    def __init__(self, parts: Sequence[Part], values: Mapping[str, str]) -> None:
        self._parts = [part for part in parts if part.resources]
        self._values = values
        self._providers = sorted({part.kind.provider for part in self._parts})

    def lines(self) -> Iterator[Line]:
        """Of requests, of the table, and of everything that is paid for."""
        for provider in self._providers:
            yield from self._requests(provider)
        yield from self._table()
        yield from self._metrics()
        yield from self._functions()

    def _requests(self, provider: str) -> Iterator[Line]:
        living = self._living(provider)
        limit, window_ms = self._limit(provider)
        allowed = int(limit * float(self._values["BudgetSharePercent"]) / 100)
        every_ms = self._every_ms(provider)
        hour = living * HOUR_MS / every_ms
        # A run goes on into the windows that begin while it has time.
        windows = 1 + max(0, min(every_ms, RUN_MS) - window_ms) // window_ms
        standing = Standing(windows * allowed, window_ms, allowed, window_ms)
        part = portion(standing, living, living, every_ms)
        share = f"{limit:,} × {self._values['BudgetSharePercent']} % = {allowed:,}"
        per = "an hour" if window_ms == HOUR_MS else "a minute"
        yield Line(
            f"{provider}, requests",
            f"{living:,} resources × {HOUR_MS / every_ms:g} runs = {hour:,.0f} an hour; "
            f"{share} {per}",
        )
        yield Line(
            f"{provider}, interval",
            f"each resource every {part.every_ms / MINUTE_MS:,.0f} min"
            + ("" if part.every_ms <= every_ms else ", stretched by the request budget"),
        )

    def _table(self) -> Iterator[Line]:
        items = together(part.items_a_day() for part in self._parts)
        yield Line(
            "items",
            f"{sum(items.values()):,.0f} a day × 30 = {30 * sum(items.values()):,.0f} a month",
        )
        units = sum(
            part.write_units_an_hour(HOUR_MS / self._every_ms(part.kind.provider))
            for part in self._parts
        )
        kept = sum(
            (_STATE_UNITS + _RECORD_UNITS) * HOUR_MS / self._every_ms(provider) / 12
            for provider in self._providers
        )
        month = (units + kept) * HOURS_A_MONTH
        yield Line(
            "write units",
            f"({units:,.0f} of resources + {kept:,.0f} of accounts) an hour × {HOURS_A_MONTH} = "
            f"{month:,.0f} × ${prices.WRITE_UNITS_MILLION} per million",
            million(prices.WRITE_UNITS_MILLION, month),
        )
        yield Line(
            "read units",
            f"about as many = {month:,.0f} × ${prices.READ_UNITS_MILLION} per million",
            million(prices.READ_UNITS_MILLION, month),
        )
        for name, days in (("a month", 30), ("a year", 365)):
            stored = self._stored(days)
            gb = sum(stored.values()) / 1e9
            tiers = " + ".join(f"{stored[one] / 1e6:,.1f} {_TIERS[one]}" for one in stored)
            cost = gb * (prices.TABLE_GB_MONTH + prices.RECOVERY_GB_MONTH)
            yield Line(
                f"stored after {name}",
                f"{tiers} MB = {gb:,.3f} GB × (${prices.TABLE_GB_MONTH} + "
                f"${prices.RECOVERY_GB_MONTH:.2f} for recovery)",
                cost if days == 365 else None,
            )

    def _stored(self, days: int) -> dict[str, float]:
        """Bytes by tier after so many days."""
        day = together(part.bytes_a_day() for part in self._parts)
        return {tier: size * min(days, self._kept_days(tier)) for tier, size in day.items()}

    def _kept_days(self, tier: str) -> float:
        return float(self._values[_LETTERS.get(tier, "RollupRetentionDays")])

    def _metrics(self) -> Iterator[Line]:
        chosen = {name for name in self._values["PublishedMetrics"].split(",") if name}
        counts = [(part.living, len(part.kind.published & chosen)) for part in self._parts]
        count = sum(resources * metrics for resources, metrics in counts)
        sums = " + ".join(f"{resources} × {metrics}" for resources, metrics in counts if metrics)
        yield Line(
            "CloudWatch metrics",
            f"{sums or '0'} = {count} × ${prices.METRIC_MONTH:.2f}",
            count * prices.METRIC_MONTH,
        )
        runs = self._runs()
        if count:
            yield Line(
                "sending them",
                f"{runs:,.0f} requests × ${prices.PUT_METRIC_DATA_THOUSAND} per thousand",
                runs * prices.PUT_METRIC_DATA_THOUSAND / 1000,
            )
        accounts = len(self._providers)
        own = self._values["SelfMetricsDisabled"] == "false"
        count = own * (accounts * _METRICS_AN_ACCOUNT + _METRICS_OF_THE_REST)
        yield Line(
            "the stack's own",
            f"{accounts} × {_METRICS_AN_ACCOUNT} + {_METRICS_OF_THE_REST} = {count} × "
            f"${prices.METRIC_MONTH:.2f}"
            if own
            else "SelfMetricsDisabled",
            count * prices.METRIC_MONTH,
        )
        alarms = _alarms(own) if self._values["AlarmTopic"] else 0
        yield Line(
            "alarms",
            f"{alarms} × ${prices.ALARM_METRIC_MONTH:.2f}" if alarms else "no AlarmTopic",
            alarms * prices.ALARM_METRIC_MONTH,
        )

    def _functions(self) -> Iterator[Line]:
        gb = float(self._values["CollectorMemory"]) / 1024
        for provider in self._providers:
            living, runs = (
                self._living(provider),
                HOURS_A_MONTH * HOUR_MS / self._every_ms(provider),
            )
            seconds = _RUN_SECONDS + living * _ANSWER_SECONDS / _PARALLEL[provider]
            yield _lambda(f"{provider}'s collector", runs, seconds, gb)
        resources = sum(part.living for part in self._parts)
        seconds = _COMPACTION_SECONDS + resources * _COMPACTION_SECONDS_A_RESOURCE
        gb = float(self._values["CompactorMemory"]) / 1024
        yield _lambda("compactor", HOURS_A_MONTH, seconds, gb)
        yield from self._cold_start()
        yield self._queries()
        runs = self._runs() + HOURS_A_MONTH
        logged = runs * _LOG_BYTES_A_RUN / 1e9
        yield Line(
            "logs",
            f"{runs:,.0f} runs × {_LOG_BYTES_A_RUN / 1000:g} kB = {logged:.3f} GB × "
            f"${prices.LOG_GB:.2f}",
            logged * prices.LOG_GB,
        )
        yield Line("secrets", f"3 × ${prices.SECRET_MONTH:.2f}", 3 * prices.SECRET_MONTH)
        polls = 2 * _POLLS_A_MINUTE * 60 * HOURS_A_MONTH
        yield Line(
            "polling two queues",
            f"2 × {_POLLS_A_MINUTE} a minute = {polls:,} × ${prices.SQS_REQUESTS_MILLION:.2f} "
            "per million",
            million(prices.SQS_REQUESTS_MILLION, polls),
        )

    def _cold_start(self) -> Iterator[Line]:
        price = {
            "provisioned": prices.PROVISIONED_GB_SECOND,
            "snapstart": prices.SNAPSHOT_GB_SECOND,
        }.get(self._values["ColdStart"])
        if price:
            gb, seconds = float(self._values["QueryMemory"]) / 1024, HOURS_A_MONTH * 3600
            yield Line(
                f"cold start, {self._values['ColdStart']}",
                f"{gb:g} GB × {seconds:,} s × ${price:.10f}",
                gb * seconds * price,
            )

    def _queries(self) -> Line:
        """What a hundred thousand requests to the API cost; who asks none pays nothing."""
        gb_seconds = _QUERY_SECONDS * float(self._values["QueryMemory"]) / 1024
        one = (
            prices.HTTP_API_MILLION
            + prices.LAMBDA_REQUESTS_MILLION
            + gb_seconds * prices.LAMBDA_GB_SECOND * 1e6
            + _QUERY_READ_UNITS * prices.READ_UNITS_MILLION
            + prices.WRITE_UNITS_MILLION
        )
        return Line(
            "100,000 queries",
            f"(API ${prices.HTTP_API_MILLION:.2f} + Lambda ${prices.LAMBDA_REQUESTS_MILLION:.2f} + "
            f"{gb_seconds:g} GB-s + {_QUERY_READ_UNITS} read units + 1 write unit) per million",
            million(one, 100_000),
        )

    def _living(self, provider: str) -> int:
        return sum(part.living for part in self._parts if part.kind.provider == provider)

    def _runs(self) -> float:
        """Of all collectors in a month."""
        hours = HOURS_A_MONTH * HOUR_MS
        return sum(hours / self._every_ms(provider) for provider in self._providers)

    def _every_ms(self, provider: str) -> int:
        return int(self._values[f"{provider.title()}EveryMinutes"]) * MINUTE_MS

    def _limit(self, provider: str) -> tuple[int, int]:
        if provider == Northflank.name:
            return int(self._values["NorthflankRequestsPerHour"]), HOUR_MS
        return int(self._values["HostupRequestsPerMinute"]), 60 * SECOND_MS


def _lambda(what: str, runs: float, seconds: float, gb: float) -> Line:
    gb_seconds = runs * seconds * gb
    return Line(
        what,
        f"{runs:,.0f} runs × {seconds:.1f} s × {gb:g} GB = {gb_seconds:,.0f} GB-s × "
        f"${prices.LAMBDA_GB_SECOND:.10f} + requests",
        gb_seconds * prices.LAMBDA_GB_SECOND + million(prices.LAMBDA_REQUESTS_MILLION, runs),
    )


def _alarms(on_runs: bool) -> int:
    """How many metrics the template's alarms watch, with or without those that runs tell."""
    source = yaml_parse(TEMPLATE.read_text())  # type: ignore[no-untyped-call]
    alarms = [one for one in source["Resources"].values() if one["Type"].endswith("::Alarm")]
    return sum(on_runs or one["Condition"] != "AlarmedOnRuns" for one in alarms)
