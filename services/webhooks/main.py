"""Entry point of the webhooks: looks for new events every second until it is told to stop."""

import logging
import signal
import threading

from services.webhooks.worker import Worker
from shared.domain import LoopError, Service
from shared.settings import load_settings
from shared.startup import running
from shared.store import stops

EVERY_SECONDS = 1.0
WITHOUT_WEBHOOKS_SECONDS = 5.0
TROUBLE_SECONDS = 3.0

log = logging.getLogger("webhooks")


def main() -> None:
    settings = load_settings()
    stop = threading.Event()
    pause = 0.0
    with running("webhooks", settings) as db, Worker(db) as worker:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(pause):
            try:
                halted = stops.halting(db, Service.WEBHOOKS) is not None
                pause = EVERY_SECONDS if not halted and worker.look() else WITHOUT_WEBHOOKS_SECONDS
            except LoopError as error:  # what was not told is found again
                log.warning("%s", error)
                pause = TROUBLE_SECONDS


if __name__ == "__main__":
    main()
