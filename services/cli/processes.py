"""Child processes that never outlive us: each in a process group of its own, and told by the kernel when we die."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Popen = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Child:
    """How to start and end one process. `ready(pid)` is asked until it says yes, for `ready_seconds` at most.

    `stop` is the signal that ends it in order; `orphaned` is what the kernel sends it should we be killed.
    `unprivileged`: where we are root, it runs as `nobody` (PostgreSQL refuses to be root).
    """

    name: str
    command: Sequence[str]
    log: Path
    environ: Mapping[str, str] | None = None
    ready: Callable[[int], bool] = lambda _: True
    ready_seconds: float = 90.0
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    unprivileged: bool = False


def spawn(child: Child) -> Popen:
    """Start it; what it says goes to its log. Its own process group keeps the terminal's Ctrl-C for us."""
    with open(child.log, "ab") as log:
        return subprocess.Popen(
            [*(as_nobody() if child.unprivileged else []), *at_our_death(child.orphaned), *child.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=None if child.environ is None else dict(child.environ),
            process_group=0,
        )


def at_our_death(number: signal.Signals) -> list[str]:
    """`setpriv` of util-linux asks the kernel for it (PR_SET_PDEATHSIG), then becomes the command.

    The shell between them ends at once where we died before it was asked for. Comes after a change of user, which would
    take the request back.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:  # not Linux: a killed prefloop leaves its children to the next start
        return []
    unless_orphaned = '[ "$PPID" = "$0" ] && exec "$@"'
    name = number.name.removeprefix("SIG")
    return [setpriv, "--pdeathsig", name, "--", "sh", "-c", unless_orphaned, str(os.getpid())]


def as_nobody() -> list[str]:
    """As root, become `nobody`, who may still open our files (they may lie below /root), and nothing beyond that."""
    if os.geteuid() != 0:
        return []
    only = "-all,+dac_override"
    capabilities = [f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"]
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *capabilities, "--"]


def stop(running: Iterable[tuple[Child, Popen]], *, grace: float) -> list[str]:
    """End them side by side: each its signal, and after `grace` seconds SIGKILL to its whole group.

    Returns the names of those that had to be killed.
    """
    running = list(running)
    for child, process in running:
        if process.poll() is None:
            process.send_signal(child.stop)
    deadline = time.monotonic() + grace
    killed = []
    for child, process in running:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(child.name)
        kill_group(process)
        process.wait()
    return killed


def kill_group(process: Popen) -> None:
    """SIGKILL to what is left of the process's group, also where the process itself has ended."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def last_lines(log: Path, count: int = 8) -> str:
    try:
        return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "  (it left no log)"


def peak_memory(pid: int) -> int | None:
    """The most memory the process ever held (VmHWM), in bytes; None where the kernel does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
