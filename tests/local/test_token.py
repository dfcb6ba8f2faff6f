"""`make token`: the variables of make as a command, for the stack here or a deployed one."""

import json
import os
from pathlib import Path

import pytest

from local import running
from local.failure import Failure
from local.token import main
from tributary.table import Table
from tributary.tokens import Tokens


@pytest.mark.parametrize(
    "arguments",
    [[], ["--list=1", "--revoke=abc"], ["--name=a", "--list=1"], ["--scopes=read:vm"]],
)
def test_what_is_to_be_done_must_be_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("Send NAME=grafana SCOPES=read:metrics")


def test_a_deployed_table_is_named(table: None, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.environ["TABLE_NAME"]
    status = main(
        f"--table={name} --name=grafana --scopes=read:metrics,read:vm --expires=90d "
        "--limits=provider:hostup,name:web* --per-hour=10 --burst=5".split()
    )

    assert status == 0
    [token] = Tokens(Table.from_env()).all()
    assert token.id == capsys.readouterr().out.partition(".")[0]
    assert (token.name, token.scopes) == ("grafana", ("read:metrics", "read:vm"))
    assert token.limits == ("provider:hostup", "name:web*")
    assert (token.requests_per_hour, token.burst) == (10, 5)
    assert main([f"--table={name}", "--list=1"]) == 0
    assert main([f"--table={name}", f"--revoke={token.id}"]) == 0
    assert Tokens(Table.from_env()).all() == []


def test_a_running_stack_is_found_by_its_port_until_it_ends(tmp_path: Path) -> None:
    with running.noted("http://127.0.0.1:3000", "http://127.0.0.1:5000", "tributary", tmp_path):
        found = running.running("3000", tmp_path)
        with pytest.raises(Failure, match="at port 3001"):
            running.running("3001", tmp_path)

    assert found == running.Running("http://127.0.0.1:5000", "tributary", os.getpid())
    with pytest.raises(Failure, match="start one with make run"):
        running.running("3000", tmp_path)


def test_a_stack_that_was_killed_is_not_taken_for_running(tmp_path: Path) -> None:
    # No process has so large a number: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html
    note = {"endpoint": "", "table": "", "pid": 2**22 + 1}
    (tmp_path / "running-3000.json").write_text(json.dumps(note))

    with pytest.raises(Failure, match="No stack runs on this machine"):
        running.running("3000", tmp_path)
