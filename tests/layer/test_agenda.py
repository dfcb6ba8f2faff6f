"""The agenda: whom a run asks, as seen by what a simulated host is asked."""

from tests.layer.collecting import WEB_1, Fleet


def test_a_host_that_forgets_is_asked_in_every_run_however_often_it_failed(hostup: Fleet) -> None:
    hostup.run(15)
    hostup.door.broken = {"/metrics": 502}
    for minutes in (20, 25, 30, 35):
        hostup.run(minutes)
    assert hostup.state(WEB_1).failure is not None
    hostup.door.broken = {}

    hostup.run(40)

    assert hostup.state(WEB_1).failure is None


def test_a_host_that_remembers_is_left_alone_for_longer_each_time_it_fails(
    northflank: Fleet,
) -> None:
    api = "northflank/main/shop/services/api"
    northflank.run(15)
    northflank.door.broken = {"/metrics": 502}
    for minutes in (20, 25, 35):
        northflank.run(minutes)
    northflank.door.broken = {}

    northflank.run(40)
    assert northflank.state(api).failure is not None

    northflank.run(55)
    assert northflank.state(api).failure is None
