"""Messages to the workers over Redis: the only file that knows RQ (but for the dashboard's pages of it).

A message is a job's key and attempt; what is to be done stands in the label store. So a message that is lost is sent
again, and one that comes twice finds that the job is taken. JSON, because RQ's own serializer runs code on load.
"""

import gc
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from redis import Redis, RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job as RQJob
from rq.serializers import JSONSerializer

from shared import telemetry, tracing
from shared.domain import Job, LoopError
from shared.messages import ADAPTER
from shared.presence import gone, instance
from shared.store import jobs
from shared.store.database import Database, StoreAwayError
from shared.store.patience import until_answered

log = logging.getLogger(__name__)

NAMES = ("sampler", "reward_trainer", "ppo")
HEARTBEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0  # without a heartbeat, after which a worker counts as killed
RECONNECT_SECONDS = 2.0
WORKER_TTL = 60  # seconds after which Redis forgets a worker that was killed while idle
KEPT_SECONDS = 24 * 3600  # done and failed messages, for the pages at /queues


class Queues:
    """The sending end. Every method raises LoopError where Redis does not answer."""

    def __init__(self, redis_url: str) -> None:
        self._connection = _connect(redis_url)

    def send(self, job: Job) -> None:
        message = ADAPTER.validate_python(job.message)
        with _answering(), tracing.span(f"send {job.queue}", _facts(job), kind="producer"):
            self._queue(job.queue).enqueue(
                "shared.queues.deliver",
                job.key,
                job.attempt,
                *filter(None, [tracing.carrier()]),
                job_id=_message_id(job),
                description=f"{job.key}, attempt {job.attempt}",
                job_timeout=message.timeout_seconds,
                result_ttl=KEPT_SECONDS,
                failure_ttl=KEPT_SECONDS,
            )

    def holds(self, job: Job) -> bool:
        """Whether the message waits in its queue."""
        with _answering():
            return _message_id(job) in self._queue(job.queue).get_job_ids()

    def depths(self) -> Mapping[str, int]:
        """Messages waiting, by queue."""
        with _answering():
            return {name: self._queue(name).count for name in NAMES}

    def ping(self) -> None:
        with _answering():
            self._connection.ping()

    def close(self) -> None:
        self._connection.close()

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._connection, serializer=JSONSerializer)


@dataclass(frozen=True, slots=True)
class Work:
    db: Database
    handler: Callable[[Job], None]
    stop: threading.Event


_work: Work | None = None  # of this process: RQ finds functions by name, not objects


def serve(redis_url: str, queue: str, db: Database, handler: Callable[[Job], None]) -> None:
    """Do the jobs of one queue, one after the other in this process, until SIGTERM or Ctrl-C.

    A job under way is then given back. While Redis is away the worker waits for it. At its start it takes back what
    processes of this host that were killed had begun.
    """
    global _work  # noqa: PLW0603 (see above)
    stop = threading.Event()
    _work = Work(db, handler, stop)

    def request_stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if not stop.is_set():
            stop.set()
            raise StopRequested

    with suppress(StopRequested):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, request_stop)
        connection = _connect(redis_url)
        while not stop.is_set():
            try:
                for key in jobs.take_back(db, queue, gone=gone):
                    log.warning("%s: its worker ended without a word; another attempt", key)
                _Worker(
                    [queue],
                    connection=connection,
                    serializer=JSONSerializer,
                    worker_ttl=WORKER_TTL,
                    maintenance_interval=WORKER_TTL,
                    log_job_description=False,
                ).work(logging_level="WARNING")
            except RedisError as error:
                log.warning("Redis does not answer: %s", error)
            except LoopError as error:
                log.warning("%s", error)
            if not stop.is_set():
                time.sleep(RECONNECT_SECONDS)
    gc.freeze()  # at its exit Python would collect all of torch, which takes a second or two


def deliver(key: str, attempt: int, trace: tracing.Carrier | None = None) -> None:
    """What RQ calls for a message: take the job, do it, and say in the store how it ended if the handler has not.

    `trace`: the span in which it was sent.
    """
    if _work is None:
        raise RuntimeError("deliver is for workers that `serve` started")
    db, stop = _work.db, _work.stop
    job = jobs.begin(db, key, attempt, holder=instance())
    if job is None:
        log.info("%s, attempt %d: nothing to do, it is done, taken or given up", key, attempt)
        return
    facts = _facts(job)
    traced = tracing.span(f"do {job.queue}", facts, kind="consumer", parent=trace)
    with telemetry.about(**facts), traced, _heartbeats(db, job):
        try:
            _work.handler(job)
        except jobs.SupersededError as error:  # an operator rolled back, or another attempt has it: nothing failed here
            log.info("%s, attempt %d ends: %s", key, attempt, error)
        except Exception as error:
            if stop.is_set():  # whatever StopRequested became on its way through a library
                log.info("%s, attempt %d: given back, the worker stops", key, attempt)
                jobs.give_back(db, key, attempt)
                return
            words = _said(error)
            if isinstance(error, StoreAwayError):  # no fault of the job's: it begins anew when the store is back
                until_answered(lambda: jobs.give_back(db, key, attempt), what=key)
            else:
                until_answered(lambda: jobs.fail(db, key, attempt, words), what=key)
            raise


def _facts(job: Job) -> dict[str, str | int]:
    """What records and spans are about: the job, and the versions that its message names."""
    named = {name: value for name, value in job.message.items() if name.endswith("version") and isinstance(value, int)}
    return {"job": job.key, "attempt": job.attempt, **named}


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, LoopError) else f"{type(error).__name__}: {error}"


class _Worker(SimpleWorker):
    """RQ's worker that keeps the model loaded between jobs. An outage of Redis may end it; `serve` makes another."""

    max_connection_wait_time = 5.0

    def subscribe(self) -> None:
        """Listen to no commands: RQ's stop jobs in processes of their own, and ending the thread takes a second."""

    def unsubscribe(self) -> None:
        pass

    def _install_signal_handlers(self) -> None:
        """Those of `serve` stand: they leave at once instead of after the job, and outlive this worker."""

    def execute_job(self, job: RQJob, queue: Queue) -> None:
        super().execute_job(job, queue)
        if _work is not None and _work.stop.is_set():  # StopRequested ended the job, and RQ took it for a failure
            raise StopRequested


@contextmanager
def _heartbeats(db: Database, job: Job) -> Iterator[None]:
    """A thread that says every HEARTBEAT_SECONDS that the job is alive, as long as this process is."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                if not jobs.heartbeat(db, job.key, job.attempt):
                    if jobs.is_done(db, job.key, job.attempt):
                        return
                    log.warning("%s, attempt %d was given up: its result will not be stored", job.key, job.attempt)
                    return
            except LoopError as error:
                log.warning("no heartbeat: %s", error)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise LoopError(f"Redis does not answer: {error}; check PREFLOOP_REDIS_URL") from None


def _connect(redis_url: str) -> Redis:
    try:
        return Redis.from_url(redis_url, socket_connect_timeout=5, health_check_interval=30)
    except ValueError as error:
        raise LoopError(
            f"redis_url is no address of a Redis ({error}): set PREFLOOP_REDIS_URL, as in redis://:password@host:6379/0"
        ) from None


def _message_id(job: Job) -> str:
    return f"{job.key}-{job.attempt}"
