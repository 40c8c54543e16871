"""The loop's services as real processes that can die at a point, forked from one that has read torch already."""

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from shared.settings import PREFIX, Settings, to_environment

SERVICES = ("orchestrator", "sampler", "reward_trainer", "ppo")
PR_SET_PDEATHSIG = 1
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([f"services.{name}.main" for name in SERVICES] + ["tests.faults.points"])


def start(service: str, settings: Settings, logs: Path, point: str | None) -> ForkServerProcess:
    log = str(logs / f"{service}.log")
    process = _FORKS.Process(target=_serve, args=(service, to_environment(settings), log, point), daemon=True)
    process.start()
    return process


def _serve(service: str, environ: dict[str, str], log: str, point: str | None) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody outlives the tests
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(opened, stream.fileno())
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(environ)
    from services.orchestrator import main as orchestrator
    from tests.faults.points import arm

    orchestrator.EVERY_SECONDS = 0.2
    if point is not None:
        arm(point)
    importlib.import_module(f"services.{service}.main").main()
