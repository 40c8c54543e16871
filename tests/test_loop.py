"""The loop as a whole, in small: the command as a user gives it, with every process, server, queue and page real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PREFLOOP = Path(sys.executable).with_name("prefloop")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PREFLOOP_")}
ANY_PORTS = ("--labeling-port", "0", "--dashboard-port", "0")
# Small enough for a test: 64 labels, two reward trainings, two segments of two batches.
SMALL = (
    "--preset=quick",
    "--set=labels.budget=64",
    "--set=labels.initial=32",
    "--set=ppo.episodes=64",
    "--set=ppo.segment_batches=2",
    "--set=ppo.epochs=1",
)


def run(*arguments: str | Path, cwd: Path) -> str:
    found = subprocess.run(
        [PREFLOOP, *arguments], check=False, capture_output=True, text=True, cwd=cwd, env=QUIET, timeout=240
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def demo(name: str, *options: str, cwd: Path) -> dict[str, Any]:
    said = run("demo", "--dir", name, "--queries=16", *ANY_PORTS, *SMALL, *options, cwd=cwd)
    assert "label here:  http://127.0.0.1:" in said
    assert "dashboard:   http://127.0.0.1:" in said
    report: dict[str, Any] = json.loads((cwd / name / "report.json").read_text())
    return report


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


def test_choices_of_people_move_the_policy(place: Path) -> None:
    report = demo("online", cwd=place)
    assert 64 <= report["labels"] <= 64 + 8  # both labelers answer some queries, the last ones beyond the budget
    assert report["reward_versions"] == 2
    assert report["policy_versions"] == 2
    assert report["kl"] > 0
    page = (place / "online" / "report.html").read_text()
    assert page.count("<svg") >= 4
    status = json.loads(run("status", "--dir", "online", "--json", cwd=place))
    assert (status["reward_version"], status["policy_version"]) == (2, 2)
    assert status["labels"] >= report["labels"]
    assert status["phase"] == "finished"
    assert not status["running"]
    found = json.loads(run("evaluate", "--dir", "online", "--queries=16", "--json", cwd=place))
    assert found["policy_version"] == 2
    assert {key: found[key] for key in ("kl", "win_rate", "queries")} == {
        key: report[key] for key in ("kl", "win_rate", "queries")
    }
    assert json.loads(run("evaluate", "--dir=online", "--queries=16", "--version=0", "--json", cwd=place))["kl"] == 0


def test_batched_and_seeded_a_run_is_repeated_to_the_bit(place: Path) -> None:
    """Every decision depends on counts, never on clocks: algorithm, order of questions and choices alike."""
    options = ("--schedule=batched", "--labelers=1", "--set=labels.evaluation_share=0.25")
    reports = [demo(name, *options, cwd=place) for name in ("once", "again")]
    assert reports[0]["policy_sha256"] == reports[1]["policy_sha256"]
    assert reports[0]["examples"] == reports[1]["examples"]
    assert reports[0]["policy_versions"] == 2
    assert reports[0]["labels"] == 64  # a lone labeler gives no second answer, and nothing waits for one
    [human] = reports[0]["human_win_rates"]
    assert (human["policy_version"], human["chance"]) == (1, 0.5)
    assert human["labels"] > 0
    assert reports[0]["human_win_rates"] == reports[1]["human_win_rates"]


def test_up_ends_at_ctrl_c_within_ten_seconds_and_goes_on(place: Path) -> None:
    for start in (1, 2):
        log = place / f"up-{start}.log"
        with log.open("w") as out:
            command = [PREFLOOP, "up", "--dir", "people", *ANY_PORTS, *(SMALL if start == 1 else ())]
            process = subprocess.Popen(command, cwd=place, env=QUIET, stdout=out, stderr=subprocess.STDOUT)
        _await(log, "policy 0", process)
        status = json.loads(run("status", "--dir", "people", "--json", cwd=place))
        assert status["running"]
        children = _children(process.pid)
        assert len(children) >= 10  # two servers, eight services
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert "goes on from here" in log.read_text()
    assert "publishing the reference policy" not in log.read_text()  # that was done by the first


def _await(log: Path, said: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 90
    while said not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
