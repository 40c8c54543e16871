"""The command as a user meets it: as a process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.main import cli

PREFLOOP = Path(sys.executable).with_name("prefloop")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PREFLOOP_")}


def prefloop(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PREFLOOP, *arguments], check=False, capture_output=True, text=True, cwd=cwd, env=QUIET, timeout=60
    )


def test_help_is_instant() -> None:
    """0.13 s on an idle machine. The best of several: other processes share ours."""

    def seconds() -> float:
        start = time.monotonic()
        assert "simulate" in prefloop("--help").stdout
        return time.monotonic() - start

    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_explains_itself(command: str) -> None:
    found = CliRunner().invoke(cli, [command, "--help"], prog_name="prefloop")
    assert found.exit_code == 0
    assert "Usage: prefloop " + command in found.output


def test_what_an_operator_can_mend_is_one_message_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = prefloop("up", "--dir", tmp_path)
    assert found.returncode == 1
    assert found.stderr.startswith(f"error: {tmp_path} holds files that are no run of prefloop")
    assert "Traceback" not in found.stderr


def test_config_names_what_nothing_reads() -> None:
    found = prefloop("config", "--set", "ppo.lrr=3")
    assert found.returncode == 1
    assert "ppo.lrr: no such setting" in found.stderr


def test_config_prints_the_papers_values_for_a_task() -> None:
    printed = prefloop("config", "--preset", "paper", "--task", "tldr").stdout
    assert "\nquery_tokens = 500 " in printed
    assert "\nepisodes = 2000000 " in printed


def test_config_says_what_the_demo_makes_smaller() -> None:
    found = prefloop("config", "--diff")
    assert "episodes = 4608                         # paper: 2000000" in found.stdout
    assert prefloop("config", "--diff", "paper").stdout == found.stdout
    assert "# released: 1000000" in prefloop("config", "--diff", "released").stdout
    assert "No such" not in prefloop("config", "--task", "cnndm", "--diff").stdout


def test_simulate_wants_a_key_for_each_labeler() -> None:
    assert "no labeler's key" in prefloop("simulate").stderr
    assert "--labelers 3, but 2 keys" in prefloop("simulate", "--labelers", "3", "--keys", "a,b").stderr


def test_env_writes_into_the_working_directory(tmp_path: Path) -> None:
    assert prefloop("env", cwd=tmp_path).returncode == 0
    assert (tmp_path / ".env").exists()
    again = prefloop("env", cwd=tmp_path)
    assert again.returncode == 1
    assert "--force" in again.stderr
