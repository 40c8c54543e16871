"""The entry point as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest


def test_it_serves_until_it_is_told_to_stop(database_url: str) -> None:
    port = _free_port()
    told = {"PREFLOOP_DATABASE_URL": database_url, "PREFLOOP_WEB__LABELING_PORT": str(port), "PREFLOOP_NAME": "mine"}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "services.labeling.main"],
        env={**os.environ, **told},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        assert "prefloop <span>mine</span>" in httpx.get(f"http://127.0.0.1:{port}/").text
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM), said
    assert "Traceback" not in said


def test_several_processes_share_the_port_and_do_not_outlive_the_first(database_url: str) -> None:
    port = _free_port()
    told = {"DATABASE_URL": database_url, "WEB__LABELING_PORT": str(port), "WEB__LABELING_WORKERS": "2"}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "services.labeling.main"],
        env={**os.environ, **{f"PREFLOOP_{name}": value for name, value in told.items()}},
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 20
        while _listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            assert httpx.get(url).json() == {"status": "ok"}
            return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"{url} does not answer")
