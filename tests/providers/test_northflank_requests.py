"""Northflank's adapter: what it asks of one service, addon or job, and when."""

from collections.abc import Callable, Set

import pytest

from functions.northflank_collector.provider import Northflank
from tests.providers.accounts import northflank
from tests.providers.loopback import Recorded, in_turn
from tributary.errors import UpstreamError
from tributary.provider import Details, Request, Resource
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, Window, parse_rfc3339, rfc3339

API = Resource(
    "northflank/main/shop/services/api",
    "shop/services/api",
    {"kind": "service", "type": "combined"},
    {},
)
BUILDER = Resource(
    "northflank/main/shop/services/ci",
    "shop/services/ci",
    {"kind": "service", "type": "build"},
    {},
    idle=True,
)
ORDERS = Resource(
    "northflank/main/shop/addons/orders-db",
    "shop/addons/orders-db",
    {"kind": "addon", "type": "postgresql"},
    {},
)
NIGHTLY = Resource(
    "northflank/main/lab/jobs/nightly", "lab/jobs/nightly", {"kind": "job", "type": "cron"}, {}
)
END = parse_rfc3339("2026-11-22T10:20:00Z")
NOW = END + 2 * MINUTE_MS
CREATED = parse_rfc3339("2021-01-20T11:19:53.175Z")

DESCRIPTIONS = {
    "service": (
        API,
        {
            "id": "api",
            "createdAt": "2021-01-20T11:19:53.175Z",
            "deployment": {"region": "europe-west", "instances": 2},
            "billing": {"deploymentPlan": "nf-compute-20"},
        },
    ),
    "addon": (
        ORDERS,
        {
            "id": "orders-db",
            "createdAt": "2021-01-20T11:19:53.175Z",
            "spec": {
                "type": "postgresql",
                "config": {"deployment": {"planId": "nf-compute-20", "region": "europe-west"}},
            },
        },
    ),
    "job": (
        NIGHTLY,
        {
            "id": "nightly",
            "createdAt": "2021-01-20T11:19:53.175Z",
            "deployment": {"region": "europe-west"},
            "billing": {"deploymentPlan": "nf-compute-20"},
        },
    ),
}


@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_describe_tells_region_plan_and_creation(kind: str) -> None:
    resource, data = DESCRIPTIONS[kind]
    with northflank(in_turn(Recorded.of({"data": data}))) as (provider, server):
        details = provider.describe(resource)
    assert details == Details({"region": "europe-west", "plan": "nf-compute-20"}, CREATED)
    assert server.asked[0].path == f"/v1/projects/{resource.native}"


@pytest.mark.parametrize("created", ["yesterday", "2021-01-20T11:19:53", 1611141593, None, ""])
def test_describe_of_what_says_nothing_readable_is_empty(created: object) -> None:
    answer = Recorded.of({"data": {"id": "api", "createdAt": created}})
    with northflank(in_turn(answer)) as (provider, _):
        assert provider.describe(API) == Details({}, None)


def planned(ask: Callable[[Northflank], Request | None]) -> Request | None:
    """What an account asks for next, while Northflank must not be asked for anything."""
    with northflank(in_turn(Recorded(500))) as (provider, server):
        request = ask(provider)
    assert server.asked == []
    return request


def window(start: str, end: str) -> Window:
    return Window(parse_rfc3339(f"2026-11-{start}Z"), parse_rfc3339(f"2026-11-{end}Z"))


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (window("22T10:14:20", "22T10:20"), window("22T10:14:20", "22T10:20")),
        (window("22T08:20", "22T10:20"), window("22T08:20", "22T10:20")),
        (window("15T00:00", "22T10:20"), window("22T08:20", "22T10:20")),
    ],
)
def test_current_is_the_newest_two_hours_of_what_is_wanted(wanted: Window, asked: Window) -> None:
    request = planned(lambda provider: provider.current(API, wanted))
    assert request is not None
    assert request.window == asked


def test_current_is_nothing_where_nothing_is_wanted() -> None:
    assert planned(lambda provider: provider.current(API, Window(END, END))) is None


def test_service_that_only_builds_is_not_asked() -> None:
    wanted = Window(END - HOUR_MS, END)
    assert planned(lambda provider: provider.current(BUILDER, wanted)) is None
    assert planned(lambda provider: provider.older(BUILDER, END, 0, NOW)) is None
    with northflank(in_turn(Recorded(500))) as (provider, server):
        assert list(provider.ended(BUILDER, wanted, {"a"}, set())) == []
    assert server.asked == []


@pytest.mark.parametrize(
    ("gap", "asked"),
    [
        (window("22T04:00", "22T04:10"), window("22T04:00", "22T04:10")),
        (window("21T04:00", "22T04:10"), window("21T04:00", "21T06:00")),
    ],
)
def test_missing_is_the_oldest_two_hours_of_a_gap(gap: Window, asked: Window) -> None:
    request = planned(lambda provider: provider.missing(API, gap, NOW))
    assert request is not None
    assert request.window == asked


@pytest.mark.parametrize(
    ("before", "empty_ms", "hours"),
    [
        ("2026-11-22T08:20:00Z", 0, 6),
        # Six hours were empty: one look at a whole day tells a pause from the end.
        ("2026-11-22T02:20:00Z", 6 * HOUR_MS, 24),
        # Sixty days before now there is no more that could be kept.
        ("2026-09-23T14:22:00Z", 0, 4),
    ],
)
def test_older_is_the_time_before(before: str, empty_ms: int, hours: int) -> None:
    before_ms = parse_rfc3339(before)
    request = planned(lambda provider: provider.older(API, before_ms, empty_ms, NOW))
    assert request is not None
    assert request.window == Window(before_ms - hours * HOUR_MS, before_ms)


@pytest.mark.parametrize(
    ("before_ms", "empty_ms"),
    [(END, 30 * HOUR_MS), (END, DAY_MS), (NOW - 60 * DAY_MS, 0), (NOW - 61 * DAY_MS, HOUR_MS)],
)
def test_older_is_nothing_after_an_empty_day_or_past_sixty(before_ms: int, empty_ms: int) -> None:
    assert planned(lambda provider: provider.older(API, before_ms, empty_ms, NOW)) is None


def test_request_says_range_and_names_all_eleven_metric_types() -> None:
    with northflank(in_turn(Recorded.of({"data": {}}))) as (provider, server):
        request = provider.current(ORDERS, Window(END - 20 * MINUTE_MS, END))
        assert request is not None
        assert provider.fetch(request) == {"data": {}}
    assert server.asked[0].path == "/v1/projects/shop/addons/orders-db/metrics"
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


def container(name: str, created: str, updated: str, status: str = "TASK_FINISHED") -> object:
    """An item of a list of containers, with times of 2026-11-22."""
    times = [parse_rfc3339(f"2026-11-22T{time}Z") // 1000 for time in (created, updated)]
    return {"name": name, "createdAt": times[0], "status": status, "updatedAt": times[1]}


def containers(*items: object, **pagination: object) -> Recorded:
    return Recorded.of({"data": {"containers": items}, "pagination": pagination})


LAST_HOUR = Window(END - HOUR_MS, END)


def ended(
    *pages: Recorded,
    of: Resource = API,
    alive: Set[str] = frozenset({"old"}),
    answered: Set[str] = frozenset(),
) -> list[tuple[str, str, str]]:
    """Container, start and end of each request for the last hour."""
    with northflank(in_turn(*pages)) as (provider, server):
        requests = list(provider.ended(of, LAST_HOUR, alive, answered))
        path = f"/v1/projects/{of.native}"
        assert [asked.path for asked in server.asked] == [f"{path}/containers"] * len(pages)
    assert {request.path for request in requests} <= {f"{path}/metrics"}
    return [
        (
            dict(request.parameters)["containerName"],
            rfc3339(request.window.start_ms),
            rfc3339(request.window.end_ms),
        )
        for request in requests
    ]


def test_ended_asks_nothing_while_the_same_containers_are_alive() -> None:
    with northflank(in_turn(Recorded(500))) as (provider, server):
        assert list(provider.ended(API, LAST_HOUR, {"a", "b"}, {"b", "a"})) == []
    assert server.asked == []


def test_ended_asks_by_name_for_what_lived_in_the_window_and_was_not_answered() -> None:
    # Five minutes more than it is said to have lived: its last samples may lie after that.
    asked = ended(
        containers(
            container("before", "08:00:00", "09:10:00"),
            container("old", "08:00:00", "09:50:00", "TASK_KILLED"),
            container("brief", "09:40:00", "09:45:00", "TASK_FAILED"),
            container("killed", "10:10:00", "10:19:00", "TASK_KILLING"),
            container("new", "10:00:00", "10:00:00", "TASK_RUNNING"),
            container("next", "10:19:00", "10:19:30", "TASK_STAGING"),
            container("after", "10:21:00", "10:22:00"),
        ),
        answered={"new"},
    )
    assert asked == [
        ("killed", "2026-11-22T10:10:00Z", "2026-11-22T10:20:00Z"),
        ("brief", "2026-11-22T09:40:00Z", "2026-11-22T09:50:00Z"),
        ("old", "2026-11-22T09:20:00Z", "2026-11-22T09:55:00Z"),
    ]


def test_ended_asks_for_one_that_runs_and_was_not_answered() -> None:
    asked = ended(containers(container("new", "10:00:00", "10:00:00", "TASK_RUNNING")))
    assert asked == [("new", "2026-11-22T10:00:00Z", "2026-11-22T10:20:00Z")]


def test_ended_of_a_job_asks_though_the_same_are_alive() -> None:
    page = containers(container("nightly-x", "09:30:00", "09:40:00"))
    asked = ended(page, of=NIGHTLY, alive=set(), answered=set())
    assert asked == [("nightly-x", "2026-11-22T09:30:00Z", "2026-11-22T09:45:00Z")]


def test_ended_of_a_job_that_never_ran_is_nothing() -> None:
    assert ended(Recorded.of({"data": {"runId": ""}}), of=NIGHTLY, alive=set()) == []


def test_ended_reads_every_page_of_containers() -> None:
    asked = ended(
        containers(container("a", "09:30:00", "09:40:00"), hasNextPage=True, cursor="2"),
        containers(container("b", "09:20:00", "09:25:00"), hasNextPage=False),
    )
    assert [name for name, *_ in asked] == ["a", "b"]


def test_ended_request_names_the_container_and_all_metric_types() -> None:
    page = containers(container("old", "08:00:00", "09:50:00"))
    with northflank(in_turn(page, Recorded.of({"data": {}}))) as (provider, server):
        (request,) = provider.ended(ORDERS, LAST_HOUR, {"old"}, set())
        provider.fetch(request)
    asked = server.asked[1]
    assert server.asked[0].query == [("per_page", "100")]
    assert asked.path == "/v1/projects/shop/addons/orders-db/metrics"
    assert asked.query[:5] == [
        ("queryType", "range"),
        ("startTime", "2026-11-22T09:19:59.999Z"),
        ("endTime", "2026-11-22T09:55:00.000Z"),
        ("containerName", "old"),
        ("metricTypes", "cpu"),
    ]
    assert len(asked.query) == 4 + 11


def test_ended_asks_for_twenty_at_most_newest_first(caplog: pytest.LogCaptureFixture) -> None:
    items = [container(f"c{minute}", f"09:{minute}:00", "10:00:00") for minute in range(25, 50)]
    asked = ended(containers(*items))
    assert [name for name, *_ in asked] == [f"c{minute}" for minute in range(49, 29, -1)]
    assert caplog.messages == [
        "northflank/main/shop/services/api: 5 ended containers not asked for, since there are more"
        " than 20"
    ]


def test_ended_reads_no_more_than_three_hundred_containers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    items = [container(f"c{number}", "01:00:00", "02:00:00") for number in range(100)]
    pages = [containers(*items, hasNextPage=True, cursor=f"{page}") for page in range(3)]
    assert ended(*pages) == []
    assert caplog.messages == [
        "northflank/main/shop/services/api: of its containers only 300 are read"
    ]


@pytest.mark.parametrize(
    "item",
    [
        7,
        {"createdAt": 1, "updatedAt": 2, "status": "TASK_KILLED"},
        {"name": "a", "createdAt": "2026-11-22T10:00:00Z", "updatedAt": 2, "status": "TASK_KILLED"},
        {"name": "a", "createdAt": 1, "updatedAt": True, "status": "TASK_KILLED"},
    ],
)
def test_container_without_a_name_and_times_is_left_out_and_logged(
    item: object, caplog: pytest.LogCaptureFixture
) -> None:
    asked = ended(containers(item, container("b", "09:20:00", "09:25:00")))
    assert [name for name, *_ in asked] == ["b"]
    assert caplog.messages == [
        "an item of GET /v1/projects/shop/services/api/containers left out: it has no name and"
        " times"
    ]


def test_ended_is_nothing_where_the_token_may_not_list_containers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert ended(Recorded.of({"error": {"status": 403, "message": "no"}}, 403)) == []
    (message,) = caplog.messages
    assert message.startswith("northflank/main/shop/services/api: ended containers not known: GET")


def test_failing_list_of_containers_is_raised() -> None:
    with northflank(in_turn(Recorded(502))) as (provider, _), pytest.raises(UpstreamError):
        list(provider.ended(API, LAST_HOUR, {"old"}, set()))


@pytest.mark.parametrize("container", [None, "old"])
def test_a_request_can_be_for_a_part_of_its_window(container: str | None) -> None:
    part = window("22T10:00", "22T10:10")
    with northflank(in_turn(Recorded(500))) as (provider, server):
        whole = provider.current(API, window("22T08:20", "22T10:20"))
        assert whole is not None
        if container:
            named = (*whole.parameters, ("containerName", container))
            whole = Request(whole.path, named, whole.window)
        ranged = provider.ranged(whole, part)
    assert server.asked == []
    asked = dict(ranged.parameters)
    assert (ranged.path, ranged.window) == (whole.path, part)
    assert asked["startTime"] == "2026-11-22T09:59:59.999Z"
    assert asked["endTime"] == "2026-11-22T10:10:00.000Z"
    assert asked.get("containerName") == container
