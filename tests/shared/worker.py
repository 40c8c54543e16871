"""A worker of the tests, run as a process: python -m tests.shared.worker REDIS_URL DATABASE_URL FOLDER

It does sampling jobs by what their file in FOLDER says (see `handle`), and writes a line to FOLDER/KEY.log for each it
begins. Pickle is out of bounds.
"""

import pickle
import sys
import time
from pathlib import Path
from typing import Any


def _forbidden(*_: object, **__: object) -> Any:
    (Path(sys.argv[3]) / "pickled").touch()
    raise AssertionError("pickle")


pickle.loads = pickle.dumps = _forbidden  # before RQ takes hold of them

from sqlalchemy import text  # noqa: E402

from shared import line, queues  # noqa: E402
from shared.domain import Job, LoopError  # noqa: E402
from shared.store import queries  # noqa: E402
from shared.store.database import Database, StoreAwayError  # noqa: E402
from shared.telemetry import configure  # noqa: E402


def main() -> None:
    redis_url, database_url, name = sys.argv[1:]
    folder, db = Path(name), Database(database_url)
    configure("worker", "info")
    queues.RECONNECT_SECONDS = 0.2
    queues.HEARTBEAT_SECONDS = 0.2

    def handle(job: Job) -> None:
        with (folder / f"{job.key}.log").open("a") as log:
            log.write(f"{job.attempt}\n")
        match _words(folder / job.key):
            case "fail":
                raise LoopError("there is no policy 7")
            case "away":
                raise StoreAwayError("PostgreSQL at host:5432 does not answer")
            case "crash":
                raise ValueError("a\0b")
            case "sleep":
                time.sleep(600)
            case "sleep in the store":
                with db.transaction() as session:
                    session.execute(text("SELECT pg_sleep(600)"))
            case "wrap":  # as libraries do
                try:
                    time.sleep(600)
                except Exception as error:
                    raise RuntimeError("something happened") from error
            case "halt":
                line.between_steps(db, job)
            case "wait":
                while (folder / job.key).exists():
                    time.sleep(0.02)
        queries.add(db, job.key, job.attempt, [], policy_version=0)

    queues.serve(redis_url, "sampler", db, handle)


def _words(file: Path) -> str:
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    main()
