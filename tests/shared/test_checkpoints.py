"""Real files, real kills, and a disk that is really full where the kernel lends us a small one."""

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.checkpoints import Checkpoints, DiskFullError
from shared.domain import LoopError, RewardStatus

WEIGHTS = {"model.safetensors": b"weights" * 1000, "config.json": b"{}", "trainer/state.json": b'{"episodes": 64}'}
RUN = "from pathlib import Path; from shared.checkpoints import Checkpoints; root, *arguments = sys.argv[1:]; "


def write(folder: Path) -> None:
    for name, content in WEIGHTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def seen(root: Path) -> list[str]:
    """What a reader finds: folders whose names do not start with a dot."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("*/[!.]*"))


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.glob("*/*"))


def test_a_published_folder_verifies_and_holds_what_was_written(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "new" / "root")
    published = checkpoints.publish("policy", 3, 2, write, {"parent": 2})
    assert published.path == "policy/000003-2"
    folder = checkpoints.verify(published.path, published.sha256)
    assert folder == tmp_path / "new" / "root" / "policy" / "000003-2"
    assert {name: (folder / name).read_bytes() for name in WEIGHTS} == WEIGHTS
    assert everything(tmp_path / "new" / "root") == ["policy/000003-2"]


def test_the_manifest_tells_what_it_is_and_how_it_came_about(tmp_path: Path) -> None:
    facts = {"status": RewardStatus.REJECTED, "losses": [1.5, math.nan, math.inf], "figures": {"accuracy": -math.inf}}
    Checkpoints(tmp_path).publish("reward", 1, 1, write, facts)
    text = (tmp_path / "reward" / "000001-1" / "manifest.json").read_text()
    manifest = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert manifest.pop("created_at").endswith("+00:00")
    files = manifest.pop("files")
    assert manifest == {
        "kind": "reward",
        "version": 1,
        "attempt": 1,
        "facts": {"status": "rejected", "losses": [1.5, None, None], "figures": {"accuracy": None}},
    }
    assert {name: figures["bytes"] for name, figures in files.items()} == {n: len(c) for n, c in WEIGHTS.items()}


def test_the_sha256_is_of_the_files_alone(tmp_path: Path) -> None:
    """The same files, written in another order, give the same one; what stands in the manifest does not matter."""

    def backwards(folder: Path) -> None:
        (folder / "trainer").mkdir()
        for name in reversed(WEIGHTS):
            (folder / name).write_bytes(WEIGHTS[name])

    def renamed(folder: Path) -> None:
        write(folder)
        (folder / "config.json").rename(folder / "settings.json")

    checkpoints = Checkpoints(tmp_path)
    first = checkpoints.publish("policy", 1, 1, write, {"seed": 1})
    assert checkpoints.publish("reward", 2, 3, backwards, {"seed": 2}).sha256 == first.sha256
    assert checkpoints.publish("policy", 2, 1, renamed, {"seed": 1}).sha256 != first.sha256


def test_sha256sum_gives_the_same_one(tmp_path: Path) -> None:
    published = Checkpoints(tmp_path).publish("policy", 1, 1, write, {})
    command = "find -type f ! -name manifest.json -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    out = subprocess.run(command, shell=True, cwd=tmp_path / published.path, check=True, capture_output=True, text=True)
    assert out.stdout.split()[0] == published.sha256


def flip(folder: Path) -> None:
    with open(folder / "model.safetensors", "r+b") as file:
        file.seek(4000)
        file.write(b"W")


def swap(folder: Path) -> None:
    for name, other in (("config.json", "trainer/state.json"), ("trainer/state.json", "config.json")):
        (folder / name).write_bytes(WEIGHTS[other])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "model.safetensors is damaged"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "trainer" / "extra.bin").write_bytes(b""), "trainer/extra.bin is additional"),
        (swap, "config.json is damaged, trainer/state.json is damaged"),
        (lambda folder: shutil.rmtree(folder / "trainer"), "trainer/state.json is missing"),
        (shutil.rmtree, "it is not there"),
    ],
)
def test_verify_names_the_file_and_the_way_out(tmp_path: Path, harm: Callable[[Path], object], said: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    published = checkpoints.publish("policy", 4, 1, write, {})
    harm(tmp_path / published.path)
    with pytest.raises(LoopError) as raised:
        checkpoints.verify(published.path, published.sha256)
    assert f"policy/000004-1: {said}; roll back to an earlier version, or restore" in str(raised.value)


@pytest.mark.parametrize("manifest", [None, "", "[]", "{}", '{"files": {"config.json": 1}}', '{"files": []}', "\x00"])
def test_where_the_manifest_is_damaged_too_verify_says_so(tmp_path: Path, manifest: str | None) -> None:
    checkpoints = Checkpoints(tmp_path)
    published = checkpoints.publish("policy", 4, 1, write, {})
    folder = tmp_path / published.path
    flip(folder)
    (folder / "manifest.json").unlink()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    with pytest.raises(LoopError, match=r"its manifest\.json cannot tell which"):
        checkpoints.verify(published.path, published.sha256)


def test_another_checkpoint_in_its_place_is_noticed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    right = checkpoints.publish("policy", 1, 1, write, {})
    other = checkpoints.publish("policy", 2, 1, lambda folder: (folder / "config.json").touch(), {})
    shutil.rmtree(tmp_path / right.path)
    (tmp_path / other.path).rename(tmp_path / right.path)
    with pytest.raises(LoopError, match=r"its manifest\.json is of other files than the store knows"):
        checkpoints.verify(right.path, right.sha256)


@pytest.mark.parametrize("path", ["../policy/000001-1", "policy/../../000001-1", "/etc", "", "."])
def test_a_path_out_of_the_root_is_refused(tmp_path: Path, path: str) -> None:
    checkpoints = Checkpoints(tmp_path / "root")
    (tmp_path / "policy").mkdir()
    with pytest.raises(LoopError, match="leads out of"):
        checkpoints.verify(path, checkpoints.publish("policy", 1, 1, write, {}).sha256)


def test_a_name_that_the_manifest_needs_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        Checkpoints(tmp_path).publish("policy", 1, 1, lambda folder: (folder / "manifest.json").touch(), {})
    assert everything(tmp_path) == []


def test_everything_is_on_the_disk_before_it_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    at_rename: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda opened: synced.append(os.fstat(opened).st_ino))
    rename = os.rename

    def noted(source: Path, target: Path) -> None:
        at_rename.extend(synced)
        rename(source, target)

    monkeypatch.setattr(os, "rename", noted)
    published = Checkpoints(tmp_path).publish("policy", 1, 1, write, {})
    folder = tmp_path / published.path
    assert set(at_rename) == {path.stat().st_ino for path in [folder, *folder.rglob("*")]}
    assert synced[len(at_rename) :] == [(tmp_path / "policy").stat().st_ino, tmp_path.stat().st_ino]


def full_disk(number: int) -> Callable[[Path], None]:
    def write_half(folder: Path) -> None:
        write(folder)
        raise OSError(number, os.strerror(number), str(folder / "rest.safetensors"))

    return write_half


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_in_write_leaves_nothing_and_says_what_to_do(tmp_path: Path, number: int) -> None:
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(DiskFullError, match=r"no space left .*policy/000001-1.*: make room"):
        checkpoints.publish("policy", 1, 1, full_disk(number), {})
    assert everything(tmp_path) == []


@pytest.mark.parametrize("call", ["rename", "fsync", "mkdir"])
def test_a_full_disk_anywhere_else_leaves_nothing_too(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(LoopError, match="no space left"):
            Checkpoints(tmp_path).publish("policy", 1, 1, write, {})
    assert everything(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError("NaN in the weights"), PermissionError(errno.EACCES, "no"), SystemExit()])
def test_whatever_else_goes_wrong_is_passed_on_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise error

    with pytest.raises(type(error)) as raised:
        Checkpoints(tmp_path).publish("policy", 1, 1, fail, {})
    assert raised.value is error
    assert everything(tmp_path) == []


SMALL_DISK = 'mount -t tmpfs -o size=256k none "$1" && shift && exec "$@"'


@pytest.mark.parametrize(
    "fill",
    [
        "(folder / 'x').write_bytes(bytes(300_000))",
        "import numpy, safetensors.numpy as s; s.save_file({'x': numpy.ones(100_000)}, folder / 'x.safetensors')",
    ],
)
def test_a_disk_that_is_really_full(tmp_path: Path, fill: str) -> None:
    """In a mount namespace of its own: nothing stays mounted. The libraries differ in what they raise."""
    if subprocess.run(["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", tmp_path, "true"], check=False).returncode:
        pytest.skip("this kernel lends us no small disk")
    code = f"""
import sys, os
{RUN}
from shared.domain import LoopError
def write(folder):
    {fill}
try:
    Checkpoints(Path(root)).publish("policy", 1, 1, write, {{}})
except LoopError as error:
    print(error)
print(os.listdir(root + "/policy"))
small = Checkpoints(Path(root)).publish("policy", 1, 1, lambda folder: (folder / "x").write_bytes(b"x"), {{}})
print(Checkpoints(Path(root)).verify(small.path, small.sha256).name)
"""
    python = [sys.executable, "-c", code]
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), *python, str(tmp_path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    said, left, name = out.stdout.splitlines()
    assert said.startswith("no space left for checkpoint policy/000001-1")
    assert (left, name) == ("[]", "000001-1")


def test_killed_while_writing_nothing_is_seen_and_the_next_attempt_clears_up(tmp_path: Path) -> None:
    code = f"""
import sys, time
{RUN}
def write(folder):
    (folder / "half").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(60)
Checkpoints(Path(root)).publish("policy", 3, 1, write, {{}})
"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    assert seen(tmp_path) == []
    assert len(everything(tmp_path)) == 1
    checkpoints = Checkpoints(tmp_path)
    checkpoints.publish("policy", 4, 1, write, {})
    assert len(everything(tmp_path)) == 2, "another version's folder may be of a process that still writes"
    published = checkpoints.publish("policy", 3, 2, write, {})
    checkpoints.verify(published.path, published.sha256)
    assert everything(tmp_path) == ["policy/000003-2", "policy/000004-1"]


# Publishes over a folder that the same attempt left, and kills itself at the n-th thing it asks of the file system.
KILLED_AT = f"""
import os, signal, sys
{RUN}
calls = iter(range(int(arguments[0])))
def count(event, _):
    if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.scandir", "os.listdir") and armed:
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
armed = False
sys.addaudithook(count)
def write(folder):
    (folder / "model").write_bytes(b"new")
    (folder / "trainer").mkdir()
    (folder / "trainer" / "state").write_bytes(b"new")
armed = True
published = Checkpoints(Path(root)).publish("policy", 3, 1, write, {{}})
armed = False
print(published.sha256)
"""


def test_killed_at_any_moment_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    def old(folder: Path) -> None:
        (folder / "model").write_bytes(b"old")

    def new(folder: Path) -> None:
        (folder / "model").write_bytes(b"new")
        (folder / "trainer").mkdir()
        (folder / "trainer" / "state").write_bytes(b"new")

    wanted = Checkpoints(tmp_path / "wanted").publish("policy", 3, 1, new, {}).sha256
    found = []
    for moment in range(100):
        root = tmp_path / str(moment)
        checkpoints = Checkpoints(root)
        before = checkpoints.publish("policy", 3, 1, old, {}).sha256
        command = [sys.executable, "-c", KILLED_AT, str(root), str(moment)]
        out = subprocess.run(command, check=False, capture_output=True, text=True)
        if out.returncode == 0:
            assert out.stdout.strip() == wanted
            break
        assert out.returncode == -signal.SIGKILL, out.stderr
        found.append("none")
        for path in seen(root):
            state = {before: "old", wanted: "new"}
            for sha256, age in state.items():
                try:
                    checkpoints.verify(path, sha256)
                    found[-1] = age
                except LoopError:
                    continue
            assert found[-1] != "none", f"half a folder is seen when killed at call {moment}"
        assert checkpoints.publish("policy", 3, 1, new, {}).sha256 == wanted
        checkpoints.verify("policy/000003-1", wanted)
        assert everything(root) == ["policy/000003-1"]
    assert list(dict.fromkeys(found)) == ["old", "none", "new"], "the kills reached every stage, in this order"
