"""A receiver of webhooks as it would be written after the documentation: over real HTTP, signatures verified."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

from shared.events import ADAPTER, AnyEvent

NEVER = 0


@dataclass
class Receiver:
    """`answers`: codes, with headers, of the next requests, NEVER for none; 204 after them.

    `open` can be cleared to let all wait.
    """

    url: str = ""
    secret: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    tries: list[str] = field(default_factory=list)
    taken: list[tuple[str, AnyEvent]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def receive(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        Webhook(self.secret).verify(body, headers)
        self.tries.append(headers["webhook-id"])
        self.open.wait(timeout=30)
        code, more = self.answers.pop(0) if self.answers else (204, {})
        if code == NEVER:
            self.ended.wait(timeout=30)
            return 500, more
        if code == 204:
            self.taken.append((headers["webhook-id"], ADAPTER.validate_json(body)))
        return code, more

    def types(self) -> list[str]:
        return [event.type for _, event in self.taken]

    def labels(self) -> list[int]:
        return [event.data.label_id for _, event in self.taken if event.type == "label.created"]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                code, headers = receiver.receive({name.lower(): text for name, text in self.headers.items()}, body)
            except Exception as error:
                receiver.faults.append(repr(error))
                raise
            self.send_response(code)
            for name, text in headers.items():
                self.send_header(name, text)
            if code != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.open.set()
            receiver.ended.set()
            server.shutdown()
            thread.join()
    assert receiver.faults == []
