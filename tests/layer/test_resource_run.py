"""One resource's part of a run, over a simulated host."""

from tests.layer.collecting import fleet
from tests.layer.samples import TEN
from tests.layer.world import World
from tests.local.fleet import container, project, workload


def test_no_series_loses_samples_where_answers_are_cut_short(world: World) -> None:
    # 500 samples of the one end before 500 of the other, which begins later.
    worker = workload("worker", container("old", -6 * 3600), container("new", -5 * 3600 - 5))
    options = {"projects": [project(worker)], "most_samples": 500, "retention_seconds": 86_400}
    with fleet(world, "northflank", **options) as northflank:
        northflank.run(1)

        stored = northflank.stored("northflank/main/p/services/worker")

    samples = {
        one.key.instance: len(one.times) for one in stored if one.key.metric == "cpu.utilization"
    }
    assert samples == {"old": 6 * 360, "new": 5 * 360}


def test_containers_that_ended_before_the_first_run_are_imported(world: World) -> None:
    # Of what is alive nothing was there before 10:00, when the first run ends.
    worker = workload("worker", container("new", 0), container("old", -5 * 3600, -120))
    options = {"projects": [project(worker)], "retention_seconds": 86_400}
    with fleet(world, "northflank", **options) as northflank:
        northflank.run(1)

        stored = northflank.stored("northflank/main/p/services/worker")

    (cpu,) = [one for one in stored if one.key.metric == "cpu.utilization"]
    assert cpu.key.instance == "old"
    assert (cpu.times[0] - TEN, cpu.times[-1] - TEN) == (-5 * 3_600_000, -130_000)
