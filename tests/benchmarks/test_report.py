"""The report is one table that says which budgets hold."""

from benchmarks.report import report
from benchmarks.row import Row


def test_rows_become_a_table_with_ratios_and_verdicts() -> None:
    rows = [
        Row("storage", "hour chunks", "1.31 B", figure=1.31, most=1.5),
        Row("queries", "step 60 s", "473.0 ms", "74.2 ms, Prometheus 2.42.0", 6.374, most=1.0),
        Row("queries", "step 60 s, gzip", "480.0 ms", "80.0 ms, Prometheus 2.42.0", 6.0),
    ]

    assert report(rows).splitlines() == [
        "part     what             ours      peer                        ratio  budget",
        "-------  ---------------  --------  --------------------------  -----  ------  -------",
        "storage  hour chunks      1.31 B                                       1.5     reached",
        "queries  step 60 s        473.0 ms  74.2 ms, Prometheus 2.42.0  6.37   1       MISSED",
        "queries  step 60 s, gzip  480.0 ms  80.0 ms, Prometheus 2.42.0  6.00",
    ]


def test_a_budget_without_its_peer_is_not_measured() -> None:
    missing = "Prometheus is missing, and apt-get to fetch it with is too."

    last = report([Row("queries", "step 60 s", "473.0 ms", missing, most=1.0)]).splitlines()[-1]

    assert missing in last
    assert last.endswith("not measured")
