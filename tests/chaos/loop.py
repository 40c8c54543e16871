"""A loop in small as an operator would have it run: `prefloop up` and a labeler, started again whenever they end."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from services.cli import servers
from services.cli.configure import Options, settings_for
from services.cli.folder import RunFolder
from services.cli.processes import Child
from services.cli.running import WORKERS
from services.cli.supervisor import Supervisor
from shared.settings import PREFIX, Settings

PAGES = ("labeling", "dashboard")
VICTIMS = ("prefloop", "postgres", "valkey", *PAGES, *WORKERS, "simulate")
PREFLOOP = (sys.executable, "-P", "-m", "services.cli.main")
START_SECONDS = 180.0
END_SECONDS = 20.0


def options(stages: int, seed: int) -> list[str]:
    """Of `prefloop up`. Each stage has a training of r and a segment of π, after 16 more labels; the first after 32."""
    chosen = {
        "labels.initial": 32,
        "labels.budget": 16 + 16 * stages,
        "labels.retrainings": stages,
        "sampler.batch": 8,
        "ppo.batch": 32,
        "ppo.segment_batches": 2,
        "ppo.episodes": 64 * stages,
    }
    sets = [f"--set={key}={value}" for key, value in chosen.items()]
    return ["--preset=quick", "--schedule=batched", f"--seed={seed}", *sets]


class SmallLoop:
    """A context manager; call `keep` often. `path` must not exist yet, or be empty."""

    def __init__(self, path: Path, *, stages: int, seed: int, say: Callable[[str], None]) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.stages = stages
        self._path = path
        self._options = options(stages, seed)
        self._supervisor = Supervisor(say)

    def __enter__(self) -> "SmallLoop":
        log = self._path.with_name(f"{self._path.name}.log")
        ports = [f"--{page}-port={servers.free_port()}" for page in PAGES]
        up = [*PREFLOOP, "up", f"--dir={self._path}", *ports, *self._options]
        ready = self._path / "running.json"
        environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._supervisor.start(
            [
                Child(
                    "prefloop", up, log, environ, lambda _: ready.exists(), START_SECONDS,
                    stop=signal.SIGINT, orphaned=signal.SIGTERM,
                )
            ]
        )  # fmt: skip
        self.folder = RunFolder.existing(self._path)
        self.settings: Settings = settings_for(self.folder, Options())
        key = self.folder.secrets(labelers=0).labeler_key
        labeler = [*PREFLOOP, "simulate", f"--url={self.url('labeling')}"]
        self._supervisor.start(
            [Child("simulate", labeler, self.folder.logs / "simulate.log", {**environ, "SIMULATE_KEYS": key})]
        )
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for _child in range(2):
            self._supervisor.stop_last(grace=END_SECONDS)

    def keep(self) -> None:
        """Start again what has ended, after a moment, as a service manager would."""
        self._supervisor.check()

    def url(self, page: str) -> str:
        port = getattr(self.settings.web, f"{page}_port")
        return f"http://{self.settings.web.host}:{port}"

    def pids(self) -> dict[str, int]:
        """The processes that are there now, by the names of VICTIMS."""
        ours = self._supervisor.pids()
        return ours | ({} if "prefloop" not in ours else children(ours["prefloop"]))


def children(parent: int) -> dict[str, int]:
    """The children of a `prefloop up` by name."""
    try:
        pids = [int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in _words(task / "children", " ")]
    except OSError:
        return {}
    return {name: pid for pid in pids if (name := _name(pid)) is not None}


def _name(pid: int) -> str | None:
    """None while it is still being started, and for what is no service."""
    words = _words(Path(f"/proc/{pid}/cmdline"), "\0")
    if not words:
        return None
    program = Path(words[0].partition(" ")[0]).name  # Valkey writes its address behind its name
    if program in ("postgres", "valkey-server"):
        return program.removesuffix("-server")
    module = next((word for word in words if word.startswith("services.") and word.endswith(".main")), "")
    return module.split(".")[1] if module else None


def _words(file: Path, between: str) -> list[str]:
    try:
        return [word for word in file.read_text().strip().split(between) if word]
    except OSError:
        return []
