"""The embedded servers for real: password-protected, durable, ended with us, tidy after a kill."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from services.cli import servers
from services.cli.processes import Child
from services.cli.supervisor import Supervisor
from shared.domain import LoopError

PASSWORD = "a-password"

STARTS_AND_IS_KILLED = """
import os, sys
from pathlib import Path
from services.cli import servers
from services.cli.supervisor import Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(print)
children = [servers.postgres(folder / "postgres", password="a-password", log=folder / "postgres.log")[0],
            servers.valkey(folder / "valkey", password="a-password", log=folder / "valkey.log")[0]]
supervisor.start(children)
print(*supervisor.pids().values(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose data directory is made already."""
    folder = tmp_path_factory.mktemp("run")
    postgres(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(made / "postgres", tmp_path / "postgres", symlinks=True)
    if os.geteuid() == 0:
        for path in [tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")]:
            shutil.chown(path, "nobody", "nogroup")
    yield tmp_path
    shutil.rmtree(tmp_path / "postgres", ignore_errors=True)


def postgres(folder: Path) -> tuple[Child, str]:
    return servers.postgres(folder / "postgres", password=PASSWORD, log=folder / "postgres.log")


def ask(url: str, question: str) -> object:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return row[0]


def test_postgres_is_durable_protected_and_ends(folder: Path) -> None:
    child, url = postgres(folder)
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        assert ask(url, "SHOW fsync") == "on"
        assert ask(url, "SHOW synchronous_commit") == "on"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(url.replace(PASSWORD, "another"), "SELECT 1")
        pid = supervisor.pids()["postgres"]
    assert not Path(f"/proc/{pid}").exists()
    assert "database system is shut down" in child.log.read_text()


def test_data_stays_from_one_start_to_the_next(folder: Path) -> None:
    for expected in (1, 2):
        child, url = postgres(folder)
        with Supervisor(print) as supervisor:
            supervisor.start([child])
            with psycopg.connect(url.replace("+psycopg", "")) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS starts (id serial)")
                connection.execute("INSERT INTO starts DEFAULT VALUES")
            assert ask(url, "SELECT count(*) FROM starts") == expected


def test_valkey_asks_for_its_password(tmp_path: Path) -> None:
    child, url = servers.valkey(tmp_path / "valkey", password=PASSWORD, log=tmp_path / "valkey.log")
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        with (
            redis.Redis.from_url(url.replace(f":{PASSWORD}@", "")) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
        pid = supervisor.pids()["valkey"]
        assert PASSWORD not in Path(f"/proc/{pid}/cmdline").read_text()
    assert (tmp_path / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_prefloop_leaves_no_server_and_the_next_start_works(folder: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", STARTS_AND_IS_KILLED, folder], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pids = [int(word) for word in killed.stdout.split()]
    assert len(pids) == 2
    child, url = postgres(folder)  # at once: the old server may still be ending
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        assert ask(url, "SELECT 1") == 1
        deadline = time.monotonic() + 5
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_postmaster_file_of_a_stranger_does_not_hinder(folder: Path) -> None:
    """After a reboot the number in postmaster.pid may be anybody's: here, ours."""
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n0\n5432\n\n127.0.0.1\n\nready\n")
    child, url = postgres(folder)
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        assert ask(url, "SELECT 1") == 1


def test_data_of_another_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(LoopError, match=r"made by PostgreSQL 12, and \d+ is installed"):
        postgres(tmp_path)


def test_a_folder_that_is_no_data_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(LoopError, match="no data directory of PostgreSQL"):
        postgres(tmp_path)
    assert (tmp_path / "postgres" / "letter.txt").read_text() == "dear"


def test_an_initdb_that_was_cut_off_is_made_again(made: Path, tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    shutil.copy(made / "postgres" / "PG_VERSION", half)
    postgres(tmp_path)
    assert (tmp_path / "postgres" / "global").is_dir()
    assert not half.exists()


def test_a_port_in_use_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LoopError, match=f"port {port} of 127.0.0.1: .* choose another with --labeling-port"):
            servers.check_port("127.0.0.1", port, option="--labeling-port")
    servers.check_port("127.0.0.1", port, option="--labeling-port")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers.check_space(tmp_path)
    monkeypatch.setattr(servers, "LEAST_FREE", 2**60)
    with pytest.raises(LoopError, match=f"{tmp_path}: .* MB left on the disk"):
        servers.check_space(tmp_path)
