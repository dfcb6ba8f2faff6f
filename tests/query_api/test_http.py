"""The API as an HTTP server: who may ask, what is refused and how, caching, compression, CORS."""

import importlib
import json
import re

import boto3
import pytest

from functions.query_api import app
from functions.query_api.answer import Answer, delivered
from functions.query_api.plan import Grid
from functions.query_api.problems import TooMuchError
from tests.dynamodb import delete_table
from tests.query_api.conftest import API, CONTEXT, SECRET, TEN, VPS, World, instance, reply, request
from tributary.columns import Origin
from tributary.tokens import READ_METRICS, Tokens

GUARDED = ("/v1/query", "/v1/resources", "/v1/metrics", "/v1/coverage")
PARIS = {"origin": "https://graphs.example"}


def token(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def test_health_is_open(aws: None) -> None:
    app.api.cache_clear()

    found = reply(app.lambda_handler(request("/healthz", headers={}), CONTEXT))

    assert (found.status, found.json) == (200, {"status": "ok"})
    app.api.cache_clear()


@pytest.mark.parametrize("kind", ["snap-start", "provisioned-concurrency"])
def test_an_instance_that_is_made_ahead_of_requests_is_made_whole(
    aws: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    assert importlib.reload(app).api.cache_info().currsize == 0

    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    assert importlib.reload(app).api.cache_info().currsize == 1
    app.api.cache_clear()


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic Ym9vdHN0cmFwOng="},
        token(SECRET),
        token("bootstrap.wrong"),
        token("bootstrap."),
        token(f"unknown.{SECRET}"),
        token(f"bootstrap.{SECRET}é"),
    ],
)
def test_a_known_token_is_needed(world: World, path: str, headers: dict[str, str]) -> None:
    found = world.get(path, "metric=cpu.utilization", headers)

    assert found.status == 401
    assert found.headers["WWW-Authenticate"] == 'Bearer realm="tributary"'
    assert "Send Authorization: Bearer <id>.<secret>" in found.json["detail"]
    assert SECRET not in found.text


def test_tokens_in_the_table_are_known_by_their_hash(world: World) -> None:
    _, text = Tokens(world.table).make("reader", [READ_METRICS], [], 0)

    assert world.get("/v1/metrics", headers=token(text)).status == 200
    assert world.get("/v1/metrics", headers=token(text[:-1])).status == 401


def test_a_secret_that_may_not_be_read_is_a_problem_to_try_again_after(world: World) -> None:
    boto3.client("secretsmanager").delete_secret(
        SecretId="bootstrap-token", ForceDeleteWithoutRecovery=True
    )

    found = world.get("/v1/metrics")

    assert (found.status, found.headers["Retry-After"]) == (503, "5")
    assert "bootstrap-token" not in found.text


def test_a_table_that_does_not_answer_is_a_problem_to_try_again_after(world: World) -> None:
    delete_table()

    found = world.get("/v1/query", "metric=cpu.utilization")

    assert (found.status, found.headers["Retry-After"]) == (503, "5")
    assert found.json["code"] == "storage_unavailable"


def test_a_problem_has_all_members(world: World) -> None:
    found = world.get("/v1/query", "metric=cpu.utilisation&stepp=60")

    assert found.status == 400
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.headers["Cache-Control"] == "no-store"
    assert found.json == {
        "type": "urn:tributary:problem:bad_request",
        "title": "Bad request",
        "status": 400,
        "detail": "There is no parameter 'stepp'. Did you mean step?",
        "code": "bad_request",
        "instance": "/v1/query",
        "requestId": "JKJaXmPLvHcESHA=",
        "timestamp": "2026-11-22T10:15:00Z",
        "errors": [
            {
                "pointer": "/query/stepp",
                "detail": "There is no parameter 'stepp'. Did you mean step?",
                "code": "unknown_parameter",
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        (
            "metric=cpu.utilisation",
            "/query/metric",
            "There is no metric 'cpu.utilisation'. Did you mean cpu.utilization",
        ),
        (
            "metric=cpu.utilization&by=providr",
            "/query/by",
            "There is no attribute 'providr'. Did you mean provider",
        ),
        (
            "metric=cpu.utilization&where=tag.teir:web",
            "/query/where",
            "There is no attribute 'tag.teir'. Did you mean tag.tier",
        ),
    ],
)
def test_unknown_names_suggest_the_nearest(
    world: World, query: str, pointer: str, detail: str
) -> None:
    found = world.get("/v1/query", query)

    assert found.status == 400
    [error] = found.json["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)


def test_too_many_points_are_refused_with_the_step_that_fits(world: World) -> None:
    found = world.get("/v1/query", "metric=cpu.utilization&start=-7d&step=10")

    assert found.status == 400
    assert found.json["detail"] == (
        "60480 points per series are more than 11000: send step=1m or more, or a shorter range."
    )
    assert world.get("/v1/query", "metric=cpu.utilization&start=-7d&step=1m").status == 200


def test_too_many_values_are_refused_before_any_chunk_is_read(empty: World) -> None:
    metric = {"cpu.utilization": 60}
    names = (f"api-{number}" for number in range(200))
    empty.resource(API, {name: instance(metric, container=name) for name in names}, {})

    found = empty.get("/v1/query", "metric=cpu.utilization&start=-24h&step=10")

    assert found.status == 400
    assert found.json["detail"] == (
        "200 series of 8640 points are more than 1000000 values: send step=20s or more, "
        "a shorter range, or match fewer series with where."
    )


def test_unknown_paths_name_the_nearest(world: World) -> None:
    found = world.get("/v1/querry")

    assert found.status == 404
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.json["detail"].startswith("There is nothing at /v1/querry. Did you mean /v1/query")


def test_other_methods_name_those_there_are(world: World) -> None:
    found = world.get("/v1/query", method="POST")

    assert (found.status, found.headers["Allow"]) == (405, "GET")
    assert found.json["detail"] == "POST is not for /v1/query: send GET."


def test_answers_are_gzipped_where_accepted(world: World) -> None:
    plain = world.get("/v1/query", f"metric=cpu.utilization&start={TEN}")
    packed = world.get(
        "/v1/query",
        f"metric=cpu.utilization&start={TEN}",
        token(f"bootstrap.{SECRET}") | {"accept-encoding": "br, gzip;q=0.8"},
    )

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json == plain.json
    assert len(packed.body) < len(plain.body) / 3
    assert packed.headers["ETag"] == plain.headers["ETag"]


def test_answers_are_not_gzipped_where_refused(world: World) -> None:
    found = world.get(
        "/v1/query",
        f"metric=cpu.utilization&start={TEN}",
        token(f"bootstrap.{SECRET}") | {"accept-encoding": "gzip;q=0"},
    )

    assert "Content-Encoding" not in found.headers
    assert json.loads(found.body)["step"] == 60


def test_an_unchanged_answer_is_304(world: World) -> None:
    path = f"metric=cpu.utilization&start={TEN}&end={TEN + 300}"
    first = world.get("/v1/query", path)
    bearer = token(f"bootstrap.{SECRET}")
    again = world.get("/v1/query", path, bearer | {"if-none-match": first.headers["ETag"]})
    other = world.get("/v1/query", path, bearer | {"if-none-match": '"other"'})

    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert other.status == 200


def test_what_is_settled_may_be_kept_longer(world: World) -> None:
    def cached(range_: str) -> str:
        return world.get("/v1/query", f"metric=cpu.utilization&step=60&{range_}").headers[
            "Cache-Control"
        ]

    assert cached(f"start={TEN}&end={TEN + 600}") == "private, max-age=3600"
    assert cached(f"start={TEN}&end={TEN + 660}") == "private, max-age=10"
    assert cached(f"start=-15m&end={TEN + 600}") == "private, max-age=10"


def test_an_answer_over_six_megabytes_is_refused_unless_it_fits_compressed() -> None:
    answer = Answer("0.125," * 1_200_000, grid=Grid(0, 6_000_000, 1000))

    with pytest.raises(TooMuchError, match="accept gzip, send step=2s or more"):
        delivered(answer, "", "")
    assert delivered(answer, "gzip", "").status == 200


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/nothing"])
def test_allowed_origins_get_cors_headers_on_answers_and_problems(world: World, path: str) -> None:
    world.cors = "https://graphs.example, https://other.example"
    bearer = token(f"bootstrap.{SECRET}")

    found = world.get(path, headers=bearer | PARIS)
    stranger = world.get(path, headers=bearer | {"origin": "https://evil.example"})

    assert found.headers["Access-Control-Allow-Origin"] == "https://graphs.example"
    assert "Authorization" in found.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_allowed_origins_may_read_how_long_it_took(world: World) -> None:
    world.cors = "https://graphs.example"

    found = world.get("/v1/metrics", headers=token(f"bootstrap.{SECRET}") | PARIS)

    assert "Server-Timing" in found.headers["Access-Control-Expose-Headers"].split(",")


def test_preflights_need_no_token(world: World) -> None:
    world.cors = "*"

    found = world.get("/v1/query", headers=PARIS, method="OPTIONS")

    assert found.status == 204
    assert found.headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
    assert found.headers["Access-Control-Allow-Origin"] == "*"


def test_there_is_no_cors_unless_it_is_asked_for(world: World) -> None:
    found = world.get("/healthz", headers=PARIS)

    assert not [name for name in found.headers if name.startswith("Access-Control")]


def test_each_request_is_one_log_line_with_counts_and_no_token(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.clear()
    capsys.readouterr()

    world.get("/v1/query", f"metric=cpu.utilization&start={TEN}&step=60&by=provider")

    [record] = [one for one in caplog.records if one.name == "query_api"]
    line = vars(record)
    assert (line["path"], line["status"], line["series"], line["lines"]) == (
        "/v1/query", 200, 3, 2,
    )  # fmt: skip
    assert SECRET not in str(line)
    written = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    [metrics] = [one for one in written if "_aws" in one]
    assert (metrics["Requests"], metrics["Failures"]) == ([1.0], [0.0])
    assert metrics["ReadUnits"] == [line["readUnits"]]
    assert line["readUnits"] > 0


@pytest.mark.parametrize(
    ("path", "query", "phases"),
    [
        (
            "/v1/query",
            "metric=cpu.utilization",
            ["authorise", "match", "status", "read", "align", "format", "deliver"],
        ),
        ("/v1/query", "metric=cpu.utilisation", ["authorise", "match"]),
        ("/v1/resources", "", ["authorise", "deliver"]),
        ("/v1/metrics", "", ["authorise", "deliver"]),
        ("/v1/coverage", "", ["authorise", "deliver"]),
    ],
)
def test_answers_and_problems_say_what_they_took(
    world: World, path: str, query: str, phases: list[str]
) -> None:
    before = world.table.consumed

    found = world.get(path, query)

    *spans, total, dynamodb = found.headers["Server-Timing"].split(", ")
    assert [span.partition(";")[0] for span in spans] == phases
    assert re.fullmatch(r"total;dur=\d+\.\d", total)
    assert sum(map(duration, spans)) <= duration(total) + 0.1 * len(phases)
    read_units = (world.table.consumed - before).read_units
    assert dynamodb == f'dynamodb;desc="{read_units} read units"'
    assert read_units > 0


def duration(metric: str) -> float:
    """Milliseconds of one metric in a Server-Timing header."""
    return float(metric.partition(";dur=")[2])


def test_what_a_client_has_already_says_what_it_took(world: World) -> None:
    bearer = token(f"bootstrap.{SECRET}")
    tag = world.get("/v1/metrics").headers["ETag"]

    found = world.get("/v1/metrics", headers=bearer | {"if-none-match": tag})

    assert found.status == 304
    assert "read units" in found.headers["Server-Timing"]


@pytest.mark.parametrize("path", [*GUARDED, "/healthz", "/v1/nothing"])
def test_without_a_token_nobody_is_told_what_an_answer_took(world: World, path: str) -> None:
    assert "Server-Timing" not in world.get(path, headers={}).headers
    assert "Server-Timing" not in world.get(path, headers=token("unknown.secret")).headers


def test_resources_are_listed_with_their_state(world: World) -> None:
    found = world.get("/v1/resources", "where=kind:vps").json

    assert found == {
        "resources": [
            {
                "id": VPS,
                "attributes": {
                    "provider": "hostup", "account": "main", "name": "vps_01", "kind": "vps",
                },
                "metrics": ["cpu.utilization"],
                "instances": [
                    {
                        "name": "-",
                        "attributes": {},
                        "metrics": ["cpu.utilization"],
                        "firstSample": "2026-11-21T10:00:00Z",
                        "lastSample": None,
                    }
                ],
                "newestSample": "2026-11-22T10:13:00Z",
                "watermark": "2026-11-22T10:14:00Z",
                "history": {
                    "importedFrom": "2026-11-21T10:00:00Z", "percent": 100, "done": True,
                    "estimatedDone": None,
                },
                "seriesRefused": 0,
                "idle": False,
                "gone": None,
                "failing": False,
                "failure": None,
            }
        ],
        "nextCursor": None,
        "total": 1,
    }  # fmt: skip


def test_a_resource_that_is_gone_says_since_when(world: World) -> None:
    world.resource(VPS, {}, {"kind": "vps"}, gone=900)
    world.collected(VPS, 780, 60, failure="upstream")

    [found] = world.get("/v1/resources", "where=kind:vps").json["resources"]

    assert (found["gone"], found["failing"]) == ("2026-11-22T10:15:00Z", False)


@pytest.mark.parametrize(
    ("asked", "imported", "from_", "done"),
    [
        (None, 0, None, False),
        (840, 10, "2026-11-16T10:00:00Z", False),
        (840, 100, "2026-11-16T10:00:00Z", True),
    ],
)
def test_the_import_of_history_says_how_far_back_it_came(
    world: World, asked: int | None, imported: int, from_: str | None, done: bool
) -> None:
    world.collected(VPS, 780, 60, since=-6 * 86_400, asked=asked, imported=imported)

    [found] = world.get("/v1/resources", "where=kind:vps").json["resources"]

    assert found["history"] == {
        "importedFrom": from_, "percent": imported, "done": done, "estimatedDone": None,
    }  # fmt: skip


def test_resources_come_page_by_page(world: World) -> None:
    first = world.get("/v1/resources", "limit=1").json
    second = world.get("/v1/resources", f"limit=1&cursor={first['nextCursor']}").json

    assert [one["id"] for one in first["resources"] + second["resources"]] == [VPS, API]
    assert second["nextCursor"] is None


@pytest.mark.parametrize("query", ["limit=1&cursor=!", "cursor=AAAA", "where=kind:vps&cursor={}"])
def test_cursors_that_were_not_given_out_are_refused(world: World, query: str) -> None:
    cursor = world.get("/v1/resources", "limit=1").json["nextCursor"]

    found = world.get("/v1/resources", query.format(cursor))

    assert (found.status, found.json["errors"][0]["code"]) == (400, "unknown_cursor")


def test_metrics_are_the_catalogue_and_the_providers_own(empty: World) -> None:
    own = "northflank.networkIngress"
    origins = {own: Origin("networkIngress", "pct", 1.0)}
    empty.resource(API, {"api-1": instance({own: 60, "cpu.utilization": 60})}, {}, origins)

    metrics = empty.get("/v1/metrics").json["metrics"]

    assert metrics[0] == {
        "name": "cpu.utilization",
        "unit": "1",
        "kind": "gauge",
        "scope": "instance",
        "description": "Share of the CPU the instance may use that it is using, 0 to 1.",
        "openTelemetry": "system.cpu.utilization",
        "prometheus": "cpu_utilization_ratio",
        "resources": 1,
    }
    assert (metrics[-1]["name"], metrics[-1]["unit"]) == (own, "pct")
    assert len(metrics) == 19
