"""The supervisor with small real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli import supervisor as module
from services.cli.processes import Child, peak_memory
from services.cli.supervisor import Supervisor
from shared.domain import LoopError

SLEEPS = "import time; time.sleep(600)"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
KEEPS_ONE_AND_SAYS_WHICH = """
import sys, time
from pathlib import Path
from services.cli.processes import Child
from services.cli.supervisor import Supervisor
supervisor = Supervisor(print)
supervisor.start([Child("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], Path(sys.argv[1]))])
print(supervisor.pids()["sleeper"], flush=True)
time.sleep(600)
"""


def python(code: str, folder: Path, name: str = "child", **more: object) -> Child:
    return Child(name, [sys.executable, "-c", code], folder / f"{name}.log", **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_children_write_their_logs_and_end_with_the_block(tmp_path: Path) -> None:
    with Supervisor(print) as supervisor:
        supervisor.start([python("print('hello', flush=True);" + SLEEPS, tmp_path)])
        pid = supervisor.pids()["child"]
        until(lambda: (tmp_path / "child.log").read_text() == "hello\n")
        assert os.getpgid(pid) == pid  # the terminal's Ctrl-C reaches us, not the child
        supervisor.check()
        peak = supervisor.peaks()["child"]
        assert 2**20 < peak <= (peak_memory(pid) or 0)
    assert not alive(pid)


def test_one_that_dies_at_its_start_is_named_with_its_log(tmp_path: Path) -> None:
    dies = python("raise SystemExit('no model there')", tmp_path, ready=lambda _: False)
    with (
        pytest.raises(LoopError, match=r"(?s)child ended with code 1 at its start.*no model there"),
        Supervisor(print) as s,
    ):
        s.start([dies])


def test_one_that_is_never_ready_is_named(tmp_path: Path) -> None:
    says = "import os; print(os.getpid(), flush=True);" + SLEEPS
    never = python(says, tmp_path, ready=lambda _: False, ready_seconds=1.0)
    with pytest.raises(LoopError, match="child is not ready after 1 s"), Supervisor(print) as supervisor:
        supervisor.start([never])
    assert not alive(int((tmp_path / "child.log").read_text()))


def test_a_crashed_one_is_started_again_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", (0.1, 0.2))
    said: list[str] = []
    with Supervisor(said.append) as supervisor:
        supervisor.start([python(SLEEPS, tmp_path)])
        first = supervisor.pids()["child"]
        os.kill(first, signal.SIGKILL)

        def again() -> bool:
            supervisor.check()
            return supervisor.pids().get("child", first) != first

        until(again)
        assert alive(supervisor.pids()["child"])
    assert len(said) == 1
    assert "child was ended by signal 9; started again in" in said[0]


def test_one_that_crashes_again_and_again_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", (0.01,))
    with Supervisor(lambda _: None, give_up_after=3) as supervisor:
        supervisor.start([python("raise SystemExit('broken')", tmp_path)])

        def checks() -> bool:
            supervisor.check()
            return False

        with pytest.raises(LoopError, match=r"(?s)child ended with code 1, 3 times in a row.*broken"):
            until(checks)
    assert (tmp_path / "child.log").read_text().count("broken") == 3


def test_one_that_had_started_is_never_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever kills it now and then does not end the run."""
    monkeypatch.setattr(module, "BACKOFF", (0.01, 600.0))
    monkeypatch.setattr(module, "SOON", 0.0)
    killed: set[int] = set()
    with Supervisor(lambda _: None, give_up_after=2) as supervisor:
        supervisor.start([python(SLEEPS, tmp_path)])

        def kills() -> bool:
            supervisor.check()
            for pid in set(supervisor.pids().values()) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            return len(killed) == 4

        until(kills)


def test_a_stubborn_one_is_killed_with_its_children(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.start([python(STUBBORN, tmp_path, "stubborn"), python(SLEEPS, tmp_path, "meek")])
    until(lambda: (tmp_path / "stubborn.log").read_text().endswith("\n"))
    grandchild = int((tmp_path / "stubborn.log").read_text())
    start = time.monotonic()
    supervisor.stop_last(grace=1.0)
    assert 1 <= time.monotonic() - start < 4
    assert said == ["killed after 1 s: stubborn"]
    until(lambda: not alive(grandchild))


def test_groups_end_in_reverse_order(tmp_path: Path) -> None:
    says_when_it_ends = (
        "import signal, sys, time\n"
        "def end(*_): print(time.monotonic_ns(), flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(600)"
    )
    with Supervisor(print) as supervisor:
        for name in ("first", "second"):
            log = tmp_path / f"{name}.log"
            supervisor.start(
                [python(says_when_it_ends, tmp_path, name, ready=lambda _, log=log: log.stat().st_size > 0)]
            )
    first, second = (int((tmp_path / f"{name}.log").read_text().split()[1]) for name in ("first", "second"))
    assert second < first


def test_no_child_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPS_ONE_AND_SAYS_WHICH, tmp_path / "log"], stdout=subprocess.PIPE, text=True
    )
    assert keeper.stdout is not None
    with keeper.stdout:
        pid = int(keeper.stdout.readline())
        keeper.kill()
        keeper.wait()
    until(lambda: not alive(pid))
