"""Entry point of the recorder: every two seconds until it is told to stop, what is new goes to the curves."""

import logging
import re
import signal
import threading

from services.recorder.journal import Journal
from services.recorder.recorder import Recorder
from services.recorder.sinks.mlflow import MLflow
from services.recorder.sinks.sink import Identity, Sink
from services.recorder.sinks.tensorboard import TensorBoard
from services.recorder.sinks.wandb import WeightsAndBiases
from shared.domain import LoopError
from shared.settings import Settings, load_settings
from shared.startup import running
from shared.store import curves
from shared.store.database import Database
from shared.store.patience import until_answered

EVERY_SECONDS = 2.0
TROUBLE_SECONDS = 5.0

log = logging.getLogger("recorder")


def main() -> None:
    settings = load_settings()
    stop = threading.Event()
    with running("recorder", settings) as db:
        loop = until_answered(lambda: identity(settings, db), what="recorder")
        found = sinks(settings, loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with Journal(loop.folder) as journal:
            follow(Recorder(db, journal, found, planned=settings.ppo.episodes), stop)


def follow(recorder: Recorder, stop: threading.Event) -> None:
    """Until told to stop; then what is there is written."""
    pause = 0.0
    while not stop.wait(pause):
        try:
            recorder.look()
            pause = EVERY_SECONDS
        except LoopError as error:  # what is not written is found again
            log.warning("%s", error)
            pause = TROUBLE_SECONDS
    recorder.close()


def identity(settings: Settings, db: Database) -> Identity:
    began = f"{curves.started_at(db):%Y%m%d-%H%M%S}"
    safe = re.sub(r"[^\w-]+", "-", settings.name, flags=re.ASCII)
    told = {key: value for key, value in settings.without_secrets().items() if key != "tracking"}  # may hold a password
    return Identity(settings.name, f"{safe}-{began}", settings.checkpoints.parent / "curves", told)


def sinks(settings: Settings, loop: Identity) -> list[Sink]:
    """TensorBoard always, the others where asked. LoopError where an extra is missing."""
    found: list[Sink] = [TensorBoard(settings.checkpoints.parent / "tensorboard")]
    if settings.tracking.wandb is not None:
        found.append(WeightsAndBiases(settings.tracking.wandb, loop))
    if settings.tracking.mlflow is not None:
        found.append(MLflow(settings.tracking.mlflow, loop))
    return found


if __name__ == "__main__":
    main()
