"""Northflank's adapter: discovery page by page, the plan of requests, and its README."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from functions.northflank_collector.normalise import METRICS, UnitFactors
from functions.northflank_collector.provider import DIALECT, Northflank, seconds_until_reset
from tests.providers.loopback import Asked, Clock, Loopback, Recorded, loopback
from tributary.client import Client
from tributary.errors import (
    ForbiddenError,
    MalformedAnswerError,
    RateLimitedError,
    SettingsError,
    UpstreamError,
)
from tributary.metrics import CATALOGUE
from tributary.provider import Progress, Resource
from tributary.windows import HOUR_MS, parse_rfc3339

API = Resource("northflank/main/shop/services/api", {}, {"serviceType": "combined"})
END = parse_rfc3339("2026-11-22T10:20:00Z")
FORBIDDEN = Recorded.of({"error": {"status": 403, "message": "no"}}, 403)


@contextmanager
def northflank(
    answer: Callable[[Asked], Recorded], team: str | None = None
) -> Iterator[tuple[Northflank, Loopback]]:
    clock = Clock()
    with loopback(answer) as server:
        client = Client(server.url, "nf-test-token", DIALECT, clock=clock, sleep=clock.sleep)
        yield Northflank(client, "main", team), server


def projects(*ids: str, **pagination: object) -> Recorded:
    items = [{"id": name, "name": name.title()} for name in ids]
    return Recorded.of({"data": {"projects": items}, "pagination": pagination})


def services(*ids: str, **more: object) -> Recorded:
    items = [{"id": name, "name": name, "serviceType": "combined", **more} for name in ids]
    return Recorded.of({"data": {"services": items}, "pagination": {"hasNextPage": False}})


def test_discover_reads_every_page_of_projects_and_of_services() -> None:
    def answer(asked: Asked) -> Recorded:
        cursor = dict(asked.query).get("cursor")
        if asked.path == "/v1/projects":
            if cursor is None:
                return projects("shop", hasNextPage=True, cursor="C+/=2", count=1)
            return projects("blog", hasNextPage=False, count=1)
        return services(f"{asked.path.split('/')[3]}-api")

    with northflank(answer) as (provider, server):
        found = [resource.id for resource in provider.discover()]
    assert found == [
        "northflank/main/shop/services/shop-api",
        "northflank/main/blog/services/blog-api",
    ]
    lists = [asked.query for asked in server.asked if asked.path == "/v1/projects"]
    assert lists == [[("per_page", "100")], [("per_page", "100"), ("cursor", "C+/=2")]]


def test_discover_gives_the_models_attributes_and_the_payload_untouched() -> None:
    item = {
        "id": "api",
        "appId": "/acme/shop/api",
        "projectId": "shop",
        "name": "Public API",
        "tags": ["web", "eu"],
        "serviceType": "combined",
    }

    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("shop")
        return Recorded.of({"data": {"services": [item]}})

    with northflank(answer) as (provider, _):
        (resource,) = provider.discover()
    assert resource.attributes == {
        "provider": "northflank",
        "account": "main",
        "project": "shop",
        "kind": "service",
        "resource": "northflank/main/shop/services/api",
        "name": "Public API",
        "tag.web": "true",
        "tag.eu": "true",
    }
    assert resource.payload == item
    assert resource.idle is False


@pytest.mark.parametrize("more", [{"serviceType": "build"}, {"servicePaused": True}])
def test_service_that_builds_only_or_is_paused_is_idle(more: dict[str, object]) -> None:
    def answer(asked: Asked) -> Recorded:
        return projects("shop") if asked.path == "/v1/projects" else services("api", **more)

    with northflank(answer) as (provider, _):
        assert [resource.idle for resource in provider.discover()] == [True]


@pytest.mark.parametrize(
    "pagination",
    [
        {},
        {"hasNextPage": True},
        {"hasNextPage": True, "cursor": None},
        {"hasNextPage": True, "cursor": ""},
        {"hasNextPage": False, "cursor": "more"},
        {"cursor": None},
    ],
)
def test_pages_end_without_a_cursor_or_without_a_next_page(pagination: dict[str, object]) -> None:
    def answer(asked: Asked) -> Recorded:
        return projects("p", **pagination) if asked.path == "/v1/projects" else services("a")

    with northflank(answer) as (provider, server):
        assert len(list(provider.discover())) == 1
    assert [asked.path for asked in server.asked] == ["/v1/projects", "/v1/projects/p/services"]


def test_repeated_cursor_is_an_error_instead_of_an_endless_list() -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects(hasNextPage=True, cursor="same")
        return services()

    with (
        northflank(answer) as (provider, _),
        pytest.raises(MalformedAnswerError, match="northflank repeats a cursor"),
    ):
        list(provider.discover())


def test_team_is_part_of_every_path() -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path.endswith("/projects"):
            return projects("shop")
        return services("api")

    with northflank(answer, team="my-team") as (provider, server):
        (resource,) = provider.discover()
        (request, *_) = provider.plan(resource, None, END)
    assert [asked.path for asked in server.asked] == [
        "/v1/teams/my-team/projects",
        "/v1/teams/my-team/projects/shop/services",
    ]
    assert request.path == "/v1/teams/my-team/projects/shop/services/api/metrics"


def test_forbidden_project_does_not_hide_the_others() -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("closed", "open")
        return FORBIDDEN if "closed" in asked.path else services("api")

    with northflank(answer) as (provider, _):
        found = [resource.id for resource in provider.discover()]
    assert found == ["northflank/main/open/services/api"]


def test_token_that_may_read_no_project_is_forbidden() -> None:
    def answer(asked: Asked) -> Recorded:
        return projects("a", "b") if asked.path == "/v1/projects" else FORBIDDEN

    with northflank(answer) as (provider, _), pytest.raises(ForbiddenError):
        list(provider.discover())


def test_failing_project_is_raised_after_the_services_of_the_others() -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("broken", "fine")
        return Recorded(502) if "broken" in asked.path else services("api")

    with northflank(answer) as (provider, _):
        found = provider.discover()
        assert next(found).id == "northflank/main/fine/services/api"
        with pytest.raises(UpstreamError):
            next(found)


def test_used_up_limit_ends_discovery_at_once() -> None:
    limited = Recorded.of({}, 429)

    def answer(asked: Asked) -> Recorded:
        return projects("a", "b") if asked.path == "/v1/projects" else limited

    with northflank(answer) as (provider, server):
        with pytest.raises(RateLimitedError):
            list(provider.discover())
        assert not any("/b/" in asked.path for asked in server.asked)


def test_item_without_an_id_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("shop")
        return Recorded.of({"data": {"services": [{"name": "x"}, 7, {"id": "api"}]}})

    with northflank(answer) as (provider, _):
        assert [r.attributes["name"] for r in provider.discover()] == ["api"]
    assert caplog.messages == [
        "an item of GET /v1/projects/shop/services left out: it has no id",
        "an item of GET /v1/projects/shop/services left out: it has no id",
    ]


def test_list_of_another_shape_is_malformed() -> None:
    with (
        northflank(lambda _: Recorded.of({"data": []})) as (provider, _),
        pytest.raises(MalformedAnswerError, match=r"without data\.projects"),
    ):
        list(provider.discover())


def test_describe_tells_region_and_plan() -> None:
    service = {
        "id": "api",
        "deployment": {"region": "europe-west", "instances": 2},
        "billing": {"deploymentPlan": "nf-compute-20"},
    }
    with northflank(lambda _: Recorded.of({"data": service})) as (provider, server):
        assert provider.describe(API) == {"region": "europe-west", "plan": "nf-compute-20"}
    assert server.asked[0].path == "/v1/projects/shop/services/api"


def test_describe_of_a_service_that_says_neither_is_empty() -> None:
    with northflank(lambda _: Recorded.of({"data": {"id": "api"}})) as (provider, _):
        assert provider.describe(API) == {}


def spans(progress: Progress | None, resource: Resource = API) -> list[tuple[str, str]]:
    with northflank(lambda _: Recorded()) as (provider, _):
        requests = list(provider.plan(resource, progress, END))
    named = [dict(request.parameters) for request in requests]
    return [(parameters["startTime"], parameters["endTime"]) for parameters in named]


def test_plan_starts_three_resolutions_before_the_newest_sample() -> None:
    progress = Progress(parse_rfc3339("2026-11-22T10:14:50.310Z"), 10_000)
    assert spans(progress) == [("2026-11-22T10:14:20.309Z", "2026-11-22T10:20:00.000Z")]


def test_plan_parts_at_full_hours() -> None:
    progress = Progress(parse_rfc3339("2026-11-22T08:50:00Z"), 60_000)
    assert spans(progress) == [
        ("2026-11-22T08:46:59.999Z", "2026-11-22T09:00:00.000Z"),
        ("2026-11-22T08:59:59.999Z", "2026-11-22T10:00:00.000Z"),
        ("2026-11-22T09:59:59.999Z", "2026-11-22T10:20:00.000Z"),
    ]


@pytest.mark.parametrize("progress", [None, Progress(parse_rfc3339("2026-11-01T00:00:00Z"), 10)])
def test_plan_goes_a_day_back_and_no_further(progress: Progress | None) -> None:
    planned = spans(progress)
    assert len(planned) == 25
    assert planned[0] == ("2026-11-21T10:19:59.999Z", "2026-11-21T11:00:00.000Z")
    assert planned[-1] == ("2026-11-22T09:59:59.999Z", "2026-11-22T10:20:00.000Z")


def test_plan_covers_its_span_without_a_gap_in_windows_of_at_most_an_hour() -> None:
    with northflank(lambda _: Recorded()) as (provider, _):
        windows = [request.window for request in provider.plan(API, None, END)]
    assert windows[0].start_ms == END - 24 * HOUR_MS
    assert windows[-1].end_ms == END
    assert all(a.end_ms == b.start_ms for a, b in pairwise(windows))
    assert all(window.end_ms - window.start_ms <= HOUR_MS for window in windows)


def test_plan_asks_nothing_up_to_an_end_before_what_is_stored() -> None:
    assert spans(Progress(END + HOUR_MS, 10_000)) == []


def test_plan_asks_nothing_of_a_service_that_only_builds() -> None:
    builder = Resource("northflank/main/shop/services/ci", {}, {"serviceType": "build"}, idle=True)
    assert spans(None, builder) == []


def test_request_says_range_and_names_all_eleven_metric_types() -> None:
    def metrics(_: Asked) -> Recorded:
        return Recorded.of({"data": {}})

    with northflank(metrics) as (provider, server):
        (*_, request) = provider.plan(API, None, END)
        assert provider.fetch(request) == {"data": {}}
    assert server.asked[0].path == "/v1/projects/shop/services/api/metrics"
    assert server.asked[0].query == [
        ("queryType", "range"),
        ("startTime", "2026-11-22T09:59:59.999Z"),
        ("endTime", "2026-11-22T10:20:00.000Z"),
        ("metricTypes", "cpu"),
        ("metricTypes", "memory"),
        ("metricTypes", "networkIngress"),
        ("metricTypes", "networkEgress"),
        ("metricTypes", "tcpConnectionsOpen"),
        ("metricTypes", "diskUsage"),
        ("metricTypes", "requests"),
        ("metricTypes", "http4xxResponses"),
        ("metricTypes", "http5xxResponses"),
        ("metricTypes", "bandwidth"),
        ("metricTypes", "bandwidthVolume"),
    ]


@pytest.mark.parametrize(
    ("header", "seconds"), [("3599", 3599.0), ("0.5", 0.5), ("soon", None), ("-1", None)]
)
def test_reset_header_is_seconds_left(header: str, seconds: float | None) -> None:
    assert seconds_until_reset(header, 1795341600.0) == seconds


def test_unit_factors_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTHFLANK_KBPS_BITS", "8192")
    monkeypatch.setenv("NORTHFLANK_MB_BYTES", "1048576")
    assert UnitFactors.from_env() == UnitFactors(kbps_bits=8192, mb_bytes=1048576)


def test_unit_factors_have_stated_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NORTHFLANK_KBPS_BITS", raising=False)
    monkeypatch.setenv("NORTHFLANK_MB_BYTES", "")
    assert UnitFactors.from_env() == UnitFactors(kbps_bits=1000, mb_bytes=1_000_000)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "kilo"])
def test_unit_factor_that_is_no_positive_number_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORTHFLANK_MB_BYTES", text)
    with pytest.raises(SettingsError, match="NORTHFLANK_MB_BYTES"):
        UnitFactors.from_env()


def test_readme_table_is_the_codes_table() -> None:
    formulas = {
        (1.0, 100.0): "÷ 100",
        (1.0, 1.0): "as it is",
        (1_000_000.0, 1.0): "× 1000000",
        (1000.0, 8.0): "× 1000 ÷ 8",
    }
    ratios = UnitFactors().ratios()
    expected = [
        f"| {metric} | {unit} | {name} | {CATALOGUE[name].unit} | {formulas[ratios[unit]]} |"
        for (metric, unit), name in METRICS.items()
    ]
    readme = Path("functions/northflank_collector/README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.split(" | ")[0][2:] in dict(METRICS.keys())] == expected
