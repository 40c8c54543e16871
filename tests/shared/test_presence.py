"""Whose jobs a worker may take back at once."""

import os
import socket
import subprocess
import sys

from shared.presence import gone, instance


def test_a_process_of_this_host_that_ended_is_gone_and_so_is_who_had_our_number() -> None:
    host = socket.gethostname()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not gone(f"{host}/{process.pid}")
        process.communicate(b"\n")
    assert gone(f"{host}/{process.pid}")
    assert instance() == f"{host}/{os.getpid()}"
    assert gone(instance())  # a container that began anew: we hold nothing yet
    assert not gone(f"{host}/{os.getppid()}")
    assert not gone(f"another-{host}/{process.pid}")
