"""Our end of the pipe to a baseline process."""

import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import torch

from shared.domain import LoopError

ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / "benchmarks" / "constraints.txt"
PYTHON = ROOT / "benchmarks" / ".venv" / "bin" / "python"


class Baseline:
    """A process that does one step when told to, and computes nothing until then. It starts with its first step,
    with as many threads as we have."""

    def __init__(self, kind: str, shape: str, dtype: str) -> None:
        self._what = (kind, shape, dtype)
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 -- closed with the process
        self._process: subprocess.Popen[str] | None = None

    def step(self) -> float:
        """Seconds of one step. Raises LoopError with what the process last said where it ended instead."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            process.wait()
            self._log.seek(0)
            raise LoopError(f"the baseline {' '.join(self._what)} ended:\n{self._log.read()[-2000:]}")
        return float(answer)

    def __enter__(self) -> "Baseline":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _start(self) -> subprocess.Popen[str]:
        if not PYTHON.exists():
            raise LoopError(f"{PYTHON.relative_to(ROOT)} is not there; `make bench` installs it")
        return subprocess.Popen(
            [PYTHON, "-m", "benchmarks.baseline", *self._what],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
