"""Peers are found on PATH or fetched, and named where neither can be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import PeerMissing, debian_program

type Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Puts shell scripts on a PATH of their own; what is fetched has an empty folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "fetched")

    def written(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return written


def test_a_program_on_path_is_taken_with_its_version(script: Script) -> None:
    path = script("prometheus", "echo 'prometheus, version 2.42.0+ds (branch: debian/sid)'")

    found = debian_program("prometheus", "prometheus", "Prometheus")

    assert (found.path, found.name) == (path, "Prometheus 2.42.0")


def test_a_package_is_fetched_and_unpacked_where_the_program_is_not_on_path(
    script: Script, tmp_path: Path
) -> None:
    script("apt-get", ": > prometheus_2.42.0+ds-5_amd64.deb")
    script("dpkg-deb", '/bin/mkdir -p "$3/usr/bin" && : > "$3/usr/bin/prometheus"')

    found = debian_program("prometheus", "prometheus", "Prometheus")

    unpacked = tmp_path / "fetched" / "prometheus" / "usr" / "bin" / "prometheus"
    assert (found.path, found.name) == (unpacked, "Prometheus 2.42.0")


def test_a_peer_is_missing_where_nothing_can_fetch_it(script: Script) -> None:
    with pytest.raises(PeerMissing, match="Prometheus is missing, and apt-get to fetch it with"):
        debian_program("prometheus", "prometheus", "Prometheus")


def test_a_peer_is_missing_with_the_reason_where_fetching_fails(script: Script) -> None:
    script("apt-get", "echo 'E: Unable to locate package prometheus' >&2; exit 100")
    script("dpkg-deb", "exit 0")

    with pytest.raises(PeerMissing, match="apt-get says 'E: Unable to locate package prometheus'"):
        debian_program("prometheus", "prometheus", "Prometheus")
