"""The experiment as a user meets it: a process with processes, ended and begun again, and what it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

PREFLOOP = Path(sys.executable).with_name("prefloop")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PREFLOOP_")}
SMALL = (
    "--preset=quick",
    "--seeds=1",
    "--workers=1",
    "--set=ppo.batch=8",
    "--set=ppo.episodes=16",
    "--set=ppo.epochs=1",
    "--set=labels.retrainings=1",
)


def command(folder: Path, *options: str) -> list[str | Path]:
    return [PREFLOOP, "experiment", "mock-sentiment", "--dir", folder, *SMALL, *options]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *options), env=QUIET, capture_output=True, text=True, check=False, timeout=240
    )


def start(folder: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("w") as out:
        return subprocess.Popen(command(folder), env=QUIET, stdout=out, stderr=subprocess.STDOUT)


def wait_until(what: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not list(folder.glob(what)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("experiment") / "mock"


def test_killed_it_takes_its_processes_along_and_goes_on_where_it_was(place: Path) -> None:
    process = start(place, place.parent / "killed.log")
    wait_until("runs/*.json", process, place)
    running = children(process.pid)
    assert running
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in running):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    made = {file: file.stat().st_mtime_ns for file in place.glob("runs/*.json")}
    assert not (place / "report.html").exists()

    found = run(place)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(made)} of 3 runs are there already" in found.stdout
    assert "known reward, seed 1: known reward +" in found.stdout
    assert f"report: {place / 'report.html'}" in found.stdout
    assert {file: file.stat().st_mtime_ns for file in made} == made


def test_what_it_leaves(place: Path) -> None:
    report = json.loads((place / "report.json").read_text())
    assert [c["condition"] for c in report["conditions"]] == ["known reward", "16 labels, offline", "16 labels, online"]
    assert [len(r["curve"]) for r in report["runs"]] == [3, 3, 3]
    assert report["runs"][1]["trainings"][0]["labels"] == 16
    assert (place / "reward_over_kl.png").read_bytes().startswith(b"\x89PNG")
    page = (place / "report.html").read_text()
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!#)[^"']*""", re.sub(r'xlink:href="#[^"]*"', "", page))
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 3
    for plot in plots:
        ElementTree.fromstring(plot)


def test_done_it_is_done_and_other_settings_are_other_runs(place: Path) -> None:
    again = run(place)
    assert "3 of 3 runs are there already\nreport:" in again.stdout
    process = subprocess.Popen(command(place, "--set=ppo.lr=1e-3"), env=QUIET, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "3 runs, 1 at a time\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert "the same command goes on from here" in process.stdout.read()
    process.stdout.close()


def test_runs_that_fail_are_named_and_the_others_told_of(tmp_path: Path) -> None:
    found = run(tmp_path / "mock", "--set=model.device=abacus")
    assert found.returncode == 1
    assert "error: 3 of 3 runs failed" in found.stderr
    assert "model.device 'abacus' cannot be used" in found.stderr
    assert "abacus" in (tmp_path / "mock" / "report.html").read_text()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--set=seed=2", "use --seeds"),
        ("--set=labels.budget=9", "use --counts"),
        ("--counts=a,b", "expected whole numbers"),
        ("--counts=2", "give different whole numbers from 8 on"),
        ("--set=ppo.lrr=1", "ppo.lrr: no such setting"),
    ],
)
def test_what_it_cannot_be_told(tmp_path: Path, option: str, said: str) -> None:
    found = run(tmp_path / "mock", option)
    assert found.returncode == 1
    assert said in found.stderr
    assert "Traceback" not in found.stderr
