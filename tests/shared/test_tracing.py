"""Traces through a real Valkey, received over HTTP as a collector receives them; each process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

RECEIVED: list[tuple[str, bytes]] = []
SETUP = "import sys; from shared import tracing; tracing.configure('test', 'demo', sys.argv[1])\n"


class Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        RECEIVED.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[str]:
    RECEIVED.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def spans() -> dict[str, Span]:
    assert {path for path, _ in RECEIVED} <= {"/v1/traces"}
    return {
        span.name: span
        for _, body in RECEIVED
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def test_a_job_lies_below_its_sending_and_its_records_say_which_it_is(
    collector: str, redis_url: str, database_url: str
) -> None:
    code = (
        SETUP
        + """
import json, logging, threading
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from shared import queues, telemetry
from shared.messages import TrainPolicy
from shared.queues import Queues
from shared.store import jobs
from shared.store.database import Database
db = Database(sys.argv[2])
job = jobs.remember(db, TrainPolicy(version=3, reward_version=2))
if sys.argv[4] == "send":
    Queues(sys.argv[3]).send(job)
else:
    sys.stderr = sys.stdout
    telemetry.configure("ppo", "warning", form="json", run="demo")
    handler = lambda job: logging.warning(tracing.carrier()["traceparent"])
    queues._work = queues.Work(db, handler, threading.Event())
    worker = SimpleWorker(["ppo"], connection=Redis.from_url(sys.argv[3]), serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")
"""
    )
    run(code, collector, database_url, redis_url, "send")
    record = json.loads(run(code, collector, database_url, redis_url, "do"))
    seen = spans()
    sent, done = seen["send ppo"], seen["do ppo"]
    assert done.parent_span_id == sent.span_id
    assert done.trace_id == sent.trace_id
    facts = {attribute.key: attribute.value for attribute in done.attributes}
    assert facts["prefloop.job"].string_value == record["job"] == "policy-3"
    assert facts["prefloop.attempt"].int_value == record["attempt"] == 1
    assert facts["prefloop.reward_version"].int_value == record["reward_version"] == 2
    assert record["message"].split("-")[2] == done.span_id.hex()
    assert record["run"] == "demo"


def test_a_request_is_a_span_below_the_callers(collector: str, database_url: str) -> None:
    code = (
        SETUP
        + """
from fastapi.testclient import TestClient
from services.labeling.app import build
from shared.settings import Settings
from shared.store.database import Database
parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
with TestClient(build(Settings(), Database(sys.argv[2]))) as client:
    print(client.get("/healthz", headers=parent).headers["x-request-id"])
"""
    )
    request = run(code, collector, database_url).strip()
    span = spans()["GET /healthz"]
    assert span.parent_span_id.hex() == "b" * 16
    assert {attribute.key: attribute.value.string_value for attribute in span.attributes}["prefloop.request"] == request


def test_nothing_of_it_is_imported_where_nobody_asked() -> None:
    code = """
import sys
from shared import tracing
tracing.configure("test", "demo", None)
with tracing.span("x", {}, kind="server") as span:
    print(span, tracing.carrier(), [name for name in sys.modules if "opentelemetry" in name])
"""
    assert run(code) == "None {} []\n"


def test_a_missing_extra_is_named() -> None:
    code = """
import sys
sys.modules["opentelemetry.sdk.trace"] = None
from shared import tracing
try:
    tracing.configure("test", "demo", "http://127.0.0.1:1")
except Exception as error:
    print(type(error).__name__, error)
"""
    assert run(code).startswith("LoopError tracking.otlp is set")
    assert "prefloop[otel]" in run(code)
