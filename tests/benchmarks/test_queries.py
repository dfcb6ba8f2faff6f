"""What is timed has been found to agree."""

import json
import re

import pytest

from benchmarks.queries import Question, check_agreement
from local.failure import Failure

QUESTION = Question(1795341600, 1795341720, 60)


def ours(*values: float | None) -> bytes:
    """An answer with one line of a value each minute."""
    line = {
        "metric": "cpu.utilization",
        "attributes": {"provider": "hostup"},
        "values": values,
    }
    return json.dumps({"timestamps": [1795341600, 1795341660], "series": [line]}).encode()


def theirs(*values: tuple[int, str]) -> bytes:
    """A peer's answer with one line of (time, value)."""
    labels = {"provider": "hostup", "metric": "cpu.utilization"}
    return json.dumps({"data": {"result": [{"metric": labels, "values": values}]}}).encode()


def test_a_peer_is_asked_five_seconds_before_the_end_of_each_step() -> None:
    parameters = QUESTION.theirs()

    assert parameters["query"] == "avg by (provider) (avg_over_time(m[60s]))"
    assert (parameters["start"], parameters["end"]) == (1795341655, 1795341715)


def test_values_that_differ_by_rounding_agree() -> None:
    check_agreement(
        QUESTION,
        ours(0.12345679, 0.5),
        theirs((1795341655, "0.123456789"), (1795341715, "0.5")),
    )


def test_values_that_differ_are_a_failure_that_names_both() -> None:
    with pytest.raises(Failure, match=re.escape("is 0.5 here and 0.50001 at the peer")):
        check_agreement(
            QUESTION, ours(0.25, 0.5), theirs((1795341655, "0.25"), (1795341715, "0.50001"))
        )


def test_a_step_that_only_one_has_is_a_failure() -> None:
    with pytest.raises(Failure, match="has 1 values here and 2 at the peer"):
        check_agreement(
            QUESTION, ours(0.25, None), theirs((1795341655, "0.25"), (1795341715, "0.5"))
        )
