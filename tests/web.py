"""Our web apps as they run, and a real browser to look at them."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@contextmanager
def served(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """Serve on `port`, or on a free one. Gives the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        host, found = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{found}"
    finally:
        server.should_exit = True
        thread.join()
