"""The whole loop on one machine: two servers, eight services, and for a demo the simulated labelers."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from services.cli import servers
from services.cli.folder import RunFolder, Secrets
from services.cli.prepare import Keys, prepare
from services.cli.processes import Child
from services.cli.supervisor import Supervisor
from shared.domain import LoopError
from shared.settings import PREFIX, Settings, WebSettings, to_environment
from shared.store.database import Database

WORKERS = ("orchestrator", "sampler", "reward_trainer", "ppo", "webhooks", "recorder")
DEMO_PATIENCE = 4  # crashes in a row of one process, after which a demo ends; a loop for people never gives up


@dataclass(frozen=True, slots=True)
class RunningLoop:
    folder: RunFolder
    settings: Settings
    secrets: Secrets
    supervisor: Supervisor
    db: Database

    @property
    def labeling_url(self) -> str:
        return url(self.settings.web, self.settings.web.labeling_port)

    @property
    def dashboard_url(self) -> str:
        return url(self.settings.web, self.settings.web.dashboard_port)

    @property
    def addresses(self) -> str:
        """For people: where to label and where to watch. The key stands behind #, which browsers send to nobody."""
        return (
            f"label here:  {self.labeling_url}/#key={self.secrets.labeler_key}\n"
            f"dashboard:   {self.dashboard_url}/  with the operator's key {self.secrets.operator_key}\n"
            f"logs:        {self.folder.logs}"
        )


def start_servers(folder: RunFolder, settings: Settings, supervisor: Supervisor, secrets: Secrets) -> Settings:
    """Start a run's PostgreSQL and Valkey. Returns the settings with their addresses."""
    for name in ("database_url", "redis_url"):
        if getattr(settings, name).get_secret_value():
            raise LoopError(f"{PREFIX}{name.upper()} is set, but this command starts servers of its own: unset it")
    servers.check_space(folder.path)
    logs = folder.logs
    postgres, database_url = servers.postgres(
        folder.path / "postgres", password=secrets.postgres_password, log=logs / "postgres.log"
    )
    valkey, redis_url = servers.valkey(
        folder.path / "valkey", password=secrets.valkey_password, log=logs / "valkey.log"
    )
    supervisor.start([postgres, valkey])
    return settings.model_copy(update={"database_url": SecretStr(database_url), "redis_url": SecretStr(redis_url)})


@contextmanager
def store_of(folder: RunFolder, settings: Settings) -> Iterator[tuple[Database, bool]]:
    """A run's store, and whether the run is on now. Where it is not, its PostgreSQL is started for the question."""
    with ExitStack() as stack:
        running = folder.in_use()
        if running:
            url = folder.announced()["database_url"]
        else:
            stack.enter_context(folder.held())
            supervisor = stack.enter_context(Supervisor(lambda _: None))
            started = start_servers(folder, settings, supervisor, folder.secrets(labelers=0))
            url = started.database_url.get_secret_value()
        db = Database(url)
        stack.callback(db.close)
        yield db, running


@contextmanager
def run_loop(
    folder: RunFolder,
    settings: Settings,
    say: Callable[[str], None],
    *,
    simulate: Sequence[str] | None = None,
    labelers: int = 0,
) -> Iterator[RunningLoop]:
    """Everything started and ready, its addresses said; ended in reverse order when the block is left, however it is.

    `simulate`: options of `prefloop simulate`, which then labels with `labelers` keys; None: people label.
    LoopError for ports in use, a full disk, servers or services that do not start.
    """
    settings = _with_ports(settings)
    secrets = folder.secrets(labelers=labelers)
    give_up_after = None if simulate is None else DEMO_PATIENCE
    with Supervisor(say, give_up_after=give_up_after) as supervisor:
        settings = start_servers(folder, settings, supervisor, secrets)
        prepare(settings, Keys(secrets.operator_key, secrets.labeler_key, secrets.simulate_keys[:labelers]))
        folder.store_settings(settings)
        db = Database(settings.database_url.get_secret_value())
        running = RunningLoop(folder, settings, secrets, supervisor, db)
        try:
            say(running.addresses)
            supervisor.start(_services(running))
            say("the pages answer")
            if simulate is not None:
                supervisor.start([_labelers(running, simulate, labelers)])
            folder.announce({"database_url": settings.database_url.get_secret_value()})
            yield running
        finally:
            folder.withdraw()
            db.close()


def _with_ports(settings: Settings) -> Settings:
    """The settings with web ports that are free. A port of 0 asks for any."""
    chosen: dict[str, int] = {}
    for name in ("labeling_port", "dashboard_port"):
        port = getattr(settings.web, name)
        option = f"--{name.replace('_', '-')}"
        if port == 0:
            port = servers.free_port(settings.web.host)
        elif port in chosen.values():
            raise LoopError(f"port {port} is asked for twice: choose another with {option}")
        servers.check_port(settings.web.host, port, option=option)
        chosen[name] = port
    return settings.model_copy(update={"web": settings.web.model_copy(update=chosen)})


def _services(running: RunningLoop) -> list[Child]:
    """The eight services. None is told a key."""
    settings, logs = running.settings, running.folder.logs
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        **to_environment(settings),
        "OMP_NUM_THREADS": str(settings.model.threads),
        "PYTHONUNBUFFERED": "1",
    }

    def service(name: str, ready: Callable[[int], bool] = lambda _: True) -> Child:
        command = [sys.executable, "-P", "-m", f"services.{name}.main"]
        return Child(name, command, logs / f"{name}.log", environ, ready)

    return [
        service("labeling", _healthy(running.labeling_url)),
        service("dashboard", _healthy(running.dashboard_url)),
        *(service(name) for name in WORKERS),
    ]


def _labelers(running: RunningLoop, options: Sequence[str], labelers: int) -> Child:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return Child(
        "simulate",
        [sys.executable, "-P", "-m", "services.cli.main", "simulate", "--url", running.labeling_url, *options],
        running.folder.logs / "simulate.log",
        {**kept, "SIMULATE_KEYS": ",".join(running.secrets.simulate_keys[:labelers])},
        stop=signal.SIGTERM,
    )


def _healthy(url: str) -> Callable[[int], bool]:
    def ready(_: int) -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    return ready


def url(web: WebSettings, port: int) -> str:
    """Where a browser on this machine finds the page."""
    host = "127.0.0.1" if web.host in ("0.0.0.0", "::") else web.host
    return f"http://{host}:{port}"
