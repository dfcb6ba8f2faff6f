"""Northflank's adapter: discovery page by page, settings, and its README."""

from collections.abc import Callable
from pathlib import Path

import pytest

from functions.northflank_collector.normalise import METRICS, UnitFactors
from functions.northflank_collector.provider import seconds_until_reset
from tests.providers.accounts import northflank
from tests.providers.loopback import Asked, Recorded
from tributary.errors import (
    ForbiddenError,
    MalformedAnswerError,
    RateLimitedError,
    SettingsError,
    UpstreamError,
)
from tributary.metrics import CATALOGUE
from tributary.windows import Window

FORBIDDEN = Recorded.of({"error": {"status": 403, "message": "no"}}, 403)


def projects(*ids: str, **pagination: object) -> Recorded:
    items = [{"id": name, "name": name.title()} for name in ids]
    return Recorded.of({"data": {"projects": items}, "pagination": pagination})


def services(*ids: str, **more: object) -> Recorded:
    return listed("services", *ids, **{"serviceType": "combined", **more})


def listed(kind: str, *ids: str, **more: object) -> Recorded:
    items = [{"id": name, "name": name, **more} for name in ids]
    return Recorded.of({"data": {kind: items}, "pagination": {"hasNextPage": False}})


def services_alone(answer: Callable[[Asked], Recorded]) -> Callable[[Asked], Recorded]:
    """As `answer` does, where no project has addons or jobs."""

    def answered(asked: Asked) -> Recorded:
        kind = asked.path.rpartition("/")[2]
        return listed(kind) if kind in ("addons", "jobs") else answer(asked)

    return answered


def test_discover_reads_every_page_of_projects_and_of_services() -> None:
    @services_alone
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

    @services_alone
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
        "type": "combined",
        "resource": "northflank/main/shop/services/api",
        "name": "Public API",
        "tag.web": "true",
        "tag.eu": "true",
    }
    assert resource.native == "shop/services/api"
    assert resource.payload == item
    assert resource.idle is False


def test_discover_lists_addons_and_jobs_too() -> None:
    addon = {
        "id": "orders-db",
        "name": "Orders",
        "tags": ["data"],
        "spec": {"type": "postgresql"},
        "status": "running",
    }
    job = {"id": "nightly", "projectId": "shop", "name": "Nightly", "jobType": "cron"}

    def answer(asked: Asked) -> Recorded:
        kind = asked.path.rpartition("/")[2]
        items = {"services": [], "addons": [addon], "jobs": [job]}
        if kind == "projects":
            return projects("shop")
        return Recorded.of({"data": {kind: items[kind]}})

    with northflank(answer) as (provider, _):
        orders, nightly = provider.discover()
    assert orders.attributes == {
        "provider": "northflank",
        "account": "main",
        "project": "shop",
        "kind": "addon",
        "type": "postgresql",
        "resource": "northflank/main/shop/addons/orders-db",
        "name": "Orders",
        "tag.data": "true",
    }
    assert (orders.native, orders.payload) == ("shop/addons/orders-db", addon)
    assert nightly.id == "northflank/main/shop/jobs/nightly"
    assert (nightly.attributes["kind"], nightly.attributes["type"]) == ("job", "cron")


def test_no_id_holds_what_sets_later_lives_apart() -> None:
    @services_alone
    def answer(asked: Asked) -> Recorded:
        return projects("a~b") if asked.path == "/v1/projects" else services("c~2/d")

    with northflank(answer) as (provider, _):
        (resource,) = provider.discover()
    assert resource.id == "northflank/main/a%7Eb/services/c%7E2%2Fd"
    assert resource.native == "a%7Eb/services/c%7E2%2Fd"


@pytest.mark.parametrize(
    ("kind", "more", "idle"),
    [
        ("addons", {"status": "paused"}, True),
        ("addons", {"status": "backup"}, False),
        ("jobs", {"suspended": True}, True),
        ("jobs", {"suspended": False}, False),
        ("jobs", {}, False),
    ],
)
def test_paused_addon_and_suspended_job_are_idle(
    kind: str, more: dict[str, object], idle: bool
) -> None:
    def answer(asked: Asked) -> Recorded:
        asked_kind = asked.path.rpartition("/")[2]
        if asked_kind == "projects":
            return projects("shop")
        return listed(kind, "one", **more) if asked_kind == kind else listed(asked_kind)

    with northflank(answer) as (provider, _):
        assert [resource.idle for resource in provider.discover()] == [idle]


@pytest.mark.parametrize("more", [{"serviceType": "build"}, {"servicePaused": True}])
def test_service_that_builds_only_or_is_paused_is_idle(more: dict[str, object]) -> None:
    @services_alone
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
    @services_alone
    def answer(asked: Asked) -> Recorded:
        return projects("p", **pagination) if asked.path == "/v1/projects" else services("a")

    with northflank(answer) as (provider, server):
        assert len(list(provider.discover())) == 1
    assert [asked.path for asked in server.asked] == [
        "/v1/projects",
        "/v1/projects/p/services",
        "/v1/projects/p/addons",
        "/v1/projects/p/jobs",
    ]


def test_repeated_cursor_is_an_error_instead_of_an_endless_list() -> None:
    @services_alone
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
    @services_alone
    def answer(asked: Asked) -> Recorded:
        if asked.path.endswith("/projects"):
            return projects("shop")
        return services("api")

    with northflank(answer, team="my-team") as (provider, server):
        (resource,) = provider.discover()
        request = provider.current(resource, Window(0, 60_000))
    assert [asked.path for asked in server.asked] == [
        "/v1/teams/my-team/projects",
        "/v1/teams/my-team/projects/shop/services",
        "/v1/teams/my-team/projects/shop/addons",
        "/v1/teams/my-team/projects/shop/jobs",
    ]
    assert request is not None
    assert request.path == "/v1/teams/my-team/projects/shop/services/api/metrics"
    assert resource.attributes["team"] == "my-team"
    assert provider.projects == [{"id": "shop", "name": "Shop"}]


def test_forbidden_project_does_not_hide_the_others() -> None:
    @services_alone
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("closed", "open")
        return FORBIDDEN if "closed" in asked.path else services("api")

    with northflank(answer) as (provider, _):
        found = [resource.id for resource in provider.discover()]
    assert found == ["northflank/main/open/services/api"]


def test_token_that_may_read_no_project_is_forbidden() -> None:
    @services_alone
    def answer(asked: Asked) -> Recorded:
        return projects("a", "b") if asked.path == "/v1/projects" else FORBIDDEN

    with northflank(answer) as (provider, _), pytest.raises(ForbiddenError):
        list(provider.discover())


@pytest.mark.parametrize(
    ("kind", "left"), [("addons", ["service", "job"]), ("jobs", ["service", "addon"])]
)
def test_list_of_addons_or_jobs_alone_that_is_forbidden_is_left_out(
    kind: str, left: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def answer(asked: Asked) -> Recorded:
        if asked.path == "/v1/projects":
            return projects("shop")
        asked_kind = asked.path.rpartition("/")[2]
        return FORBIDDEN if asked_kind == kind else listed(asked_kind, "one")

    with northflank(answer) as (provider, _):
        assert [resource.attributes["kind"] for resource in provider.discover()] == left
    assert caplog.messages == [
        f"{kind} of a project not listed: GET /v1/projects/shop/{kind} from northflank answered"
        " 403 (no)"
    ]


def test_failing_list_of_jobs_is_raised_after_everything_else() -> None:
    def answer(asked: Asked) -> Recorded:
        kind = asked.path.rpartition("/")[2]
        if kind == "projects":
            return projects("one", "two")
        return Recorded(502) if asked.path.endswith("one/jobs") else listed(kind, "x")

    with northflank(answer) as (provider, _):
        found = provider.discover()
        assert [next(found).native for _ in range(5)] == [
            "one/services/x",
            "one/addons/x",
            "two/services/x",
            "two/addons/x",
            "two/jobs/x",
        ]
        with pytest.raises(UpstreamError, match="projects/one/jobs"):
            next(found)


def test_failing_project_is_raised_after_the_services_of_the_others() -> None:
    @services_alone
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

    @services_alone
    def answer(asked: Asked) -> Recorded:
        return projects("a", "b") if asked.path == "/v1/projects" else limited

    with northflank(answer) as (provider, server):
        with pytest.raises(RateLimitedError):
            list(provider.discover())
        assert not any("/b/" in asked.path for asked in server.asked)


def test_item_without_an_id_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    @services_alone
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
