"""rq-dashboard at /queues, made fit for this house: read only, JSON instead of pickle, nothing unescaped, no address.

rq-dashboard 0.9 requeues on GET, deletes on POST without a token, reads some jobs with pickle whatever it is told, and
writes job descriptions and tracebacks into its pages as HTML. PostgreSQL is the truth about jobs here and the
orchestrator sends lost messages again by itself, so nothing needs a change by hand: what is not in READ is refused.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, cast

import redis
import rq_dashboard
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, request
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_dashboard import web
from starlette.types import ASGIApp

READ = frozenset(
    f"rq_dashboard.{view}"
    for view in (
        "favicon",
        "job_info",
        "job_view",
        "jobs_overview",
        "list_jobs",
        "list_queues",
        "list_workers",
        "queues_overview",
        "static",
        "workers_overview",
    )
) | {"static"}
REGISTRIES = frozenset({"queued", "scheduled", "deferred", "started", "finished", "failed", "canceled"})
REFUSED = (
    "This page only shows the queues. The label store is the truth about jobs: the orchestrator sends lost messages "
    "again and retries failed ones by itself.\n"
)


class JSONJob(Job):
    """Job.fetch as rq-dashboard calls it, without a serializer, would unpickle what it finds."""

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> Job:  # noqa: ARG003
        return super().fetch(id, connection=connection, serializer=JSONSerializer)


class JSONQueue(Queue):
    @classmethod
    def all(cls, connection: Any, *args: Any, **options: Any) -> list[Queue]:
        return super().all(connection, *args, **options | {"serializer": JSONSerializer})


class JSONWorker(Worker):
    @classmethod
    def all(cls, connection: Any = None, *args: Any, **options: Any) -> list[Any]:
        return super().all(connection, *args, **options | {"serializer": JSONSerializer})


def rq_pages(redis_url: str) -> ASGIApp:
    """rq-dashboard as an ASGI app, to be mounted at /queues behind the guard."""
    pages: Any = flask_app(redis_url)  # Flask, a2wsgi and Starlette each have types of their own for one protocol
    return cast(ASGIApp, WSGIMiddleware(pages, workers=2))


def flask_app(redis_url: str) -> Flask:
    connection = redis.Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=5)
    web.from_url = lambda *_args, **_options: (None, connection)  # else a new client, never closed, for every request
    web.config.serializer = JSONSerializer
    web.Job, web.Queue, web.Worker = JSONJob, JSONQueue, JSONWorker
    app = Flask(rq_dashboard.__name__)  # its own name: base.html asks for a favicon in the app's static folder
    # "redis", never the address: pages show it
    app.config.update(RQ_DASHBOARD_REDIS_URL="redis", RQ_DASHBOARD_DISABLE_DELETE=True)
    web.setup_rq_connection(app)
    app.before_request(_refuse)
    app.register_blueprint(web.blueprint)
    app.after_request(_harden)
    app.register_error_handler(NoSuchJobError, _plain(404, "There is no such job (any more)."))
    app.register_error_handler(redis.RedisError, _plain(503, "Redis does not answer: the queues cannot be shown."))
    return app


def _refuse() -> Response | None:
    """Changes get 405; what rq-dashboard would answer with an internal error gets 404."""
    if request.endpoint is None:
        return None  # Flask's own 404
    if request.method not in ("GET", "HEAD") or request.endpoint not in READ:
        return Response(REFUSED, 405, {"Allow": "GET, HEAD"}, mimetype="text/plain")
    asked = request.view_args or {}
    known = asked.get("instance_number", 0) == 0 and asked.get("registry_name", "queued") in REGISTRIES
    if known and all(str(asked.get(number, 1)).isdecimal() for number in ("per_page", "page")):
        return None
    return Response("There is no such list.\n", 404, mimetype="text/plain")


def _plain(status: int, text: str) -> Callable[[Exception], Response]:
    return lambda _error: Response(text + "\n", status, mimetype="text/plain")


def _harden(response: Response) -> Response:
    """Escape in its underscore templates, run scripts of ours only, and lead back to the loop."""
    if response.mimetype != "text/html":
        return response
    nonce = secrets.token_urlsafe(16)
    html = response.get_data(as_text=True)
    html = re.sub(r"<%=(?!\s*\$\()", "<%-", html)  # `$(` begins what its authors escape by themselves
    html = html.replace("<script", f'<script nonce="{nonce}"')
    html = html.replace("</head>", '<link rel="stylesheet" href="/static/queues.css"></head>', 1)
    html = html.replace('<a class="navbar-brand">', '<a class="navbar-brand" href="/" title="back to the loop">', 1)
    response.set_data(html)
    # 'unsafe-eval': underscore compiles its templates; inline styles: theirs
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return response
