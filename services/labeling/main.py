"""Entry point of the labeling service: one process, or several that share the port."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

import uvicorn
from fastapi import FastAPI

from services.labeling.app import build
from shared import tracing
from shared.settings import load_settings
from shared.startup import running
from shared.store.database import Database
from shared.telemetry import configure


def app() -> FastAPI:
    """What each process serves, with connections to the label store of its own."""
    settings = load_settings()
    configure("labeling", settings.log_level, form=settings.log_format, run=settings.name)
    tracing.configure("labeling", settings.name, settings.tracking.otlp)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    return build(settings, Database(settings.database_url.get_secret_value()))


def main() -> None:
    settings = load_settings()
    with running("labeling", settings):
        uvicorn.run(
            "services.labeling.main:app",
            factory=True,
            workers=settings.web.labeling_workers,
            host=settings.web.host,
            port=settings.web.labeling_port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
        )


def _end_with(parent: BaseProcess) -> None:
    """A parent that is killed with -9 cannot end its processes, and the port would stay theirs."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
