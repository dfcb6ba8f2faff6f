"""What an answer shows: here, what of its range is to be asked for again."""

from tests.layer.samples import TEN
from tributary.answered import Answered
from tributary.columns import ColumnKey, Origin, column
from tributary.windows import MINUTE_MS, Window

CPU = ColumnKey("cpu.utilization", "api-1", Origin("cpu", "pct", 0.01))


def minutes(first: int, last: int) -> Window:
    return Window(TEN + first * MINUTE_MS, TEN + last * MINUTE_MS)


def answered(window: Window) -> Answered:
    times = range(window.start_ms, window.end_ms, MINUTE_MS)
    return Answered.of([column(CPU, [(time_ms, 0.5) for time_ms in times], MINUTE_MS, TEN)])


def test_the_ends_that_an_answer_lacks_are_to_be_asked_for() -> None:
    assert answered(minutes(40, 110)).unanswered(minutes(0, 120)) == [
        minutes(0, 40),
        minutes(110, 120),
    ]


def test_an_end_of_three_minutes_is_chance() -> None:
    assert answered(minutes(3, 117)).unanswered(minutes(0, 120)) == []


def test_nothing_is_asked_for_again_of_a_host_that_answers_another_range() -> None:
    assert answered(minutes(105, 120)).unanswered(minutes(0, 105)) == []


def test_samples_beside_the_range_are_no_part_of_the_answer() -> None:
    assert answered(minutes(100, 120)).unanswered(minutes(0, 105)) == [minutes(0, 100)]
