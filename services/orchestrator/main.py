"""Entry point of the orchestrator: looks at the loop twice a second until it is told to stop."""

import logging
import signal
import threading

from services.orchestrator.silence import Silence
from services.orchestrator.tick import tick
from shared.domain import LoopError
from shared.queues import Queues
from shared.settings import load_settings
from shared.startup import running

EVERY_SECONDS = 0.5
TROUBLE_SECONDS = 3.0

log = logging.getLogger("orchestrator")


def main() -> None:
    settings = load_settings()
    queues = Queues(settings.redis_url.get_secret_value())
    stop = threading.Event()
    silence = Silence()
    pause = EVERY_SECONDS
    with running("orchestrator", settings) as db:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(pause):
            try:
                tick(db, queues, settings, silence_counts=silence.counts(db))
                pause = EVERY_SECONDS
            except LoopError as error:  # what is missing is found again at the next look
                log.warning("%s", error)
                pause = TROUBLE_SECONDS


if __name__ == "__main__":
    main()
