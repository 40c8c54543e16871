"""rq-dashboard under our rules, on a real Valkey: it only reads, never unpickles, and escapes what jobs say."""

import pickle
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from services.dashboard.rq_pages import READ, flask_app

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


@pytest.fixture(autouse=True)
def our_signals() -> Iterator[None]:
    """RQ's worker takes Ctrl-C and SIGTERM for itself and does not give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def pages(redis_url: str) -> FlaskClient:
    return flask_app(redis_url).test_client()


def fails(name: str) -> None:
    raise ValueError(name)


@pytest.fixture
def failed(connection: redis.Redis) -> Job:
    """A job that failed, in the queue `ppo`, with HTML in its description and its traceback."""
    queue = Queue("ppo", connection=connection, serializer=JSONSerializer)
    job = queue.enqueue(f"{__name__}.fails", EVIL, job_id="policy-1-1", description=EVIL)
    SimpleWorker([queue], connection=connection, serializer=JSONSerializer).work(burst=True)
    return job


@pytest.fixture
def queued(connection: redis.Redis) -> Job:
    queue = Queue("sampler", connection=connection, serializer=JSONSerializer)
    return queue.enqueue(f"{__name__}.fails", "x", job_id="sample-0-1", description="sample-0 attempt 1")


def everything(connection: redis.Redis) -> dict[bytes, bytes | None]:
    return {key: connection.dump(key) for key in connection.scan_iter()}


def data(pages: FlaskClient, path: str) -> Any:
    return pages.get(f"/0/data/{path}.json").get_json()


CHANGES = [
    ("POST", "/job/policy-1-1/delete"),
    ("POST", "/job/policy-1-1/requeue"),
    ("POST", "/requeue/ppo"),
    ("GET", "/requeue/ppo"),
    ("HEAD", "/requeue/ppo"),
    ("POST", "/queue/ppo/failed/empty"),
    ("POST", "/queue/sampler/queued/empty"),
    ("POST", "/queue/sampler/compact"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_every_change_is_refused(
    pages: FlaskClient, connection: redis.Redis, failed: Job, queued: Job, method: str, path: str
) -> None:
    before = everything(connection)
    answer = pages.open(path, method=method)
    assert answer.status_code == 405
    assert method == "HEAD" or "orchestrator" in answer.text
    assert everything(connection) == before
    assert failed.get_status() == "failed"
    assert queued.get_status() == "queued"


def test_no_route_of_rq_dashboard_is_forgotten(redis_url: str) -> None:
    app = flask_app(redis_url)
    changing = {rule.endpoint for rule in app.url_map.iter_rules()} - READ
    assert changing == {
        f"rq_dashboard.{view}"
        for view in ("delete_job_view", "requeue_job_view", "requeue_all", "empty_queue", "compact_queue")
    }
    adapter = app.url_map.bind("localhost")
    assert {adapter.match(path, "POST")[0] for method, path in CHANGES if method == "POST"} == changing


def test_posts_to_reading_routes_are_refused(pages: FlaskClient) -> None:
    for path in ("/", "/0/view/queues", "/0/data/queues.json"):
        assert pages.post(path).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/0/view/workers",
        "/0/view/jobs",
        "/0/view/jobs/ppo/failed/8/asc/1",
        "/0/view/job/policy-1-1",
        "/favicon.ico",
        "/static/js/jquery-3.5.1.min.js",
        "/static/favicon.ico",
    ],
)
@pytest.mark.usefixtures("failed")
def test_pages_answer(pages: FlaskClient, path: str) -> None:
    with pages.get(path) as answer:
        assert answer.status_code == 200
        assert b"https://cdn" not in answer.data


@pytest.mark.usefixtures("queued")
def test_data_of_queues_and_jobs(pages: FlaskClient, failed: Job) -> None:
    queues = {queue["name"]: queue for queue in data(pages, "queues")["queues"]}
    assert queues["sampler"]["count"] == 1
    assert queues["ppo"]["failed_job_registry_count"] == 1
    (job,) = data(pages, "jobs/ppo/failed/8/asc/1")["jobs"]
    assert job["id"] == failed.id
    assert f"ValueError: {EVIL}" in job["exc_info"]
    (job,) = data(pages, "jobs/sampler/queued/8/dsc/1")["jobs"]
    assert job["description"] == "sample-0 attempt 1"
    assert data(pages, f"job/{failed.id}")["status"] == "failed"


def test_scheduled_jobs_are_seen_and_stay_scheduled(pages: FlaskClient, connection: redis.Redis) -> None:
    queue = Queue("ppo", connection=connection, serializer=JSONSerializer)
    queue.enqueue_in(timedelta(hours=1), f"{__name__}.fails", "x", job_id="policy-2-1", description="policy-2, later")
    before = everything(connection)
    assert data(pages, "queues")["queues"][0]["scheduled_job_registry_count"] == 1
    (job,) = data(pages, "jobs/ppo/scheduled/8/asc/1")["jobs"]
    assert job["description"] == "policy-2, later"
    assert pages.get("/0/view/jobs/ppo/scheduled/8/asc/1").status_code == 200
    assert pages.post("/queue/ppo/scheduled/empty").status_code == 405
    assert pages.get("/requeue/ppo").status_code == 405
    assert everything(connection) == before


def test_workers_and_what_they_run(pages: FlaskClient, connection: redis.Redis) -> None:
    """With rq-dashboard's own pickle this answers 500 as long as a worker runs a job."""
    queue = Queue("ppo", connection=connection, serializer=JSONSerializer)
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
    queue.enqueue(f"{__name__}.looks", job_id="policy-1-1")
    SEEN.clear()
    PAGES.append(pages)
    worker.work(burst=True)
    (seen,) = SEEN
    assert seen["queues"] == ["ppo"]
    assert seen["current_job"]["job_id"] == "policy-1-1"


PAGES: list[FlaskClient] = []
SEEN: list[dict[str, Any]] = []


def looks() -> None:
    """Run as a job in this process: what the workers' page says meanwhile."""
    SEEN.extend(data(PAGES.pop(), "workers")["workers"])


def explode() -> None:
    SEEN.append({"exploded": True})


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return explode, ()


@pytest.mark.parametrize("path", ["/0/view/job/bomb", "/0/data/job/bomb.json", "/0/data/jobs/ppo/queued/8/asc/1.json"])
def test_pickles_are_never_opened(pages: FlaskClient, connection: redis.Redis, path: str) -> None:
    queue = Queue("ppo", connection=connection, serializer=JSONSerializer)
    queue.enqueue(f"{__name__}.fails", "x", job_id="bomb")
    for field in ("data", "meta", "result"):
        connection.hset("rq:job:bomb", field, pickle.dumps(Bomb()))
    SEEN.clear()
    pages.get(path)
    assert SEEN == []


def test_templates_escape_and_only_our_scripts_run(pages: FlaskClient, failed: Job) -> None:
    for path in ("/", "/0/view/workers", "/0/view/jobs/ppo/failed/8/asc/1", f"/0/view/job/{failed.id}"):
        answer = pages.get(path)
        policy = answer.headers["Content-Security-Policy"]
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert answer.text.count("<script") == answer.text.count(f'<script nonce="{nonce}"')
        script = next(part for part in policy.split(";") if "script-src" in part)
        assert "'unsafe-inline'" not in script
        raw = [part for part in answer.text.split("<%=")[1:] if not part.lstrip().startswith("$('<div/>').text(")]
        assert raw == []
        assert "http://" not in policy
        assert "https://" not in policy


def test_the_address_of_redis_is_not_shown(pages: FlaskClient, redis_url: str) -> None:
    assert redis_url.split("//")[1] not in pages.get("/").text


@pytest.mark.parametrize(
    "path",
    [
        "/0/view/job/nobody",
        "/0/data/job/nobody.json",
        "/7/view/queues",
        "/0/data/jobs/ppo/other/8/asc/1.json",
        "/0/data/jobs/ppo/queued/8/asc/x.json",
        "/nothing",
    ],
)
def test_what_is_not_there_is_404(pages: FlaskClient, path: str) -> None:
    assert pages.get(path).status_code == 404


def test_redis_away_is_said() -> None:
    away = flask_app("redis://127.0.0.1:1/0").test_client()
    assert away.get("/0/data/queues.json").status_code == 503
    assert "Redis does not answer" in away.get("/0/view/workers").text
