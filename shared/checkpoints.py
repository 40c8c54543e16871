"""Folders of weights below one root, each published whole or not at all. The only file that knows where they lie.

    <root>/policy/000003-1/       version 3, made by attempt 1; never touched again once the store has its row
        manifest.json             what it is, how it came about, and each file's sha256
    <root>/policy/.000003-1-...   being written or removed, or left by an attempt that was killed

Which of them are useless, the store knows: shared/store/keeping.py.
"""

import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from shared.domain import LoopError

MANIFEST = "manifest.json"
Kind = Literal["policy", "reward"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAME = re.compile(r"\.?(\d{6,})-\d+(-[0-9a-f]+)?")


@dataclass(frozen=True, slots=True)
class Published:
    """Where a checkpoint lies, relative to the root, and the digest of its files, manifest left out."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Folder:
    """One that holds, or held a part of, a version. `path` is relative to the root."""

    kind: Kind
    version: int
    path: str


class DiskFullError(LoopError):
    """There is no room for a checkpoint. What was to be written can be written again."""


class Checkpoints:
    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(
        self, kind: Kind, version: int, attempt: int, write: Callable[[Path], None], facts: Mapping[str, object]
    ) -> Published:
        """Have `write` fill a folder, then show it under its name. The same files always give the same sha256.

        Raises DiskFullError where the disk is full. Nothing half-written is ever seen, wherever we are killed.
        """
        name = f"{version:06d}-{attempt}"
        shelf = self._root / kind
        beside, aside = (shelf / f".{name}-{secrets.token_hex(4)}" for _ in range(2))
        try:
            shelf.mkdir(parents=True, exist_ok=True)
            for leftover in shelf.glob(f".{version:06d}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            beside.mkdir()
            write(beside)
            sha256 = _seal(beside, {"kind": kind, "version": version, "attempt": attempt, "facts": facts})
            if (shelf / name).exists():  # of the same attempt, which the store never heard of: it would not be repeated
                (shelf / name).rename(aside)
            beside.rename(shelf / name)
        except BaseException as error:
            shutil.rmtree(beside, ignore_errors=True)
            if _is_full(error):
                raise DiskFullError(f"no space left for checkpoint {kind}/{name} in {self._root}: make room") from error
            raise
        for folder in (shelf, self._root):
            _sync(folder)
        shutil.rmtree(aside, ignore_errors=True)
        return Published(f"{kind}/{name}", sha256)

    def verify(self, path: str, sha256: str) -> Path:
        """The folder of a published checkpoint, after reading every file of it.

        Raises LoopError naming the files that are not what was published.
        """
        folder = self._inside(path)
        try:
            found = _hashes(folder)
        except OSError as error:
            raise LoopError(f"checkpoint {folder} cannot be read: {error}; {_WAY_OUT}") from error
        if _digest(found) != sha256:
            raise LoopError(f"checkpoint {folder}: {_fault(folder, found, sha256)}; {_WAY_OUT}")
        return folder

    def folders(self) -> list[Folder]:
        """All there are, those that an attempt is writing or left behind included. Others than ours are left out."""
        return [
            Folder(kind, int(named[1]), f"{kind}/{path.name}")
            for kind in KINDS
            for path in sorted((self._root / kind).glob("*"))
            if (named := NAME.fullmatch(path.name)) and path.is_dir()
        ]

    def size(self, path: str) -> int:
        """Bytes of a folder's files."""
        return sum(file.stat().st_size for file in self._inside(path).rglob("*") if file.is_file())

    def remove(self, path: str) -> int:
        """Remove a folder that is there, for everybody at once. Returns its bytes. OSError where it cannot be."""
        folder, freed = self._inside(path), self.size(path)
        if not folder.name.startswith("."):
            folder = folder.rename(folder.with_name(f".{folder.name}-{secrets.token_hex(4)}"))
        shutil.rmtree(folder)
        return freed

    def free_bytes(self) -> int:
        """What is left on the disk that they lie on."""
        there = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.exists())
        return shutil.disk_usage(there).free

    def _inside(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise LoopError(f"the store's checkpoint path {path!r} leads out of {self._root}; {_WAY_OUT}")
        return self._root.joinpath(*parts)


_WAY_OUT = "roll back to an earlier version, or restore it from a backup"


def _seal(folder: Path, about: Mapping[str, object]) -> str:
    """Add the manifest and see all of it onto the disk. Returns the digest of the files."""
    hashes = _hashes(folder)
    files = {name: {"sha256": sha256, "bytes": (folder / name).stat().st_size} for name, sha256 in hashes.items()}
    manifest = {**about, "created_at": datetime.now(UTC).isoformat(timespec="seconds"), "files": files}
    with open(folder / MANIFEST, "x") as file:
        json.dump(_plain(manifest), file, indent=1, allow_nan=False)
        file.write("\n")
    for path in (*folder.rglob("*"), folder):
        _sync(path)
    return _digest(hashes)


def _hashes(folder: Path) -> dict[str, str]:
    """Each file's sha256 by its name relative to the folder, in order."""
    hashes = {}
    for path in folder.rglob("*"):
        if path.is_file() and path != folder / MANIFEST:
            with open(path, "rb") as file:
                hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return dict(sorted(hashes.items()))


def _digest(hashes: Mapping[str, str]) -> str:
    """sha256 of what `sha256sum` prints for the files in the order of their names."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _fault(folder: Path, found: Mapping[str, str], sha256: str) -> str:
    """Which files differ from those that were published, as the manifest tells."""
    if not folder.is_dir():
        return "it is not there"
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        published = {name: str(figures["sha256"]) for name, figures in files.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return f"its files are not those that were published, and its {MANIFEST} cannot tell which"
    if _digest(published) != sha256:
        return f"its {MANIFEST} is of other files than the store knows"
    faults = [f"{name} is missing" for name in published.keys() - found.keys()]
    faults += [f"{name} is additional" for name in found.keys() - published.keys()]
    faults += [f"{name} is damaged" for name in published.keys() & found.keys() if published[name] != found[name]]
    return ", ".join(sorted(faults))


def _plain(value: object) -> object:
    """As JSON knows it: a number that is not finite, as the losses of a rejected reward may be, becomes null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
    return value


def _is_full(error: BaseException) -> bool:
    """Also of libraries in Rust, which raise no OSError: safetensors has the number in its message only."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    number = int(told[1]) if told else getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT)


def _sync(path: Path) -> None:
    """A folder too: the names in it are its content."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
