"""One folder a run: checkpoints, the servers' data, logs, secrets, and who runs it at the moment."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from shared.domain import LoopError
from shared.settings import Settings

MARKER = "run.json"  # says that we made the folder; nothing else is ever deleted
Kind = Literal["demo", "up", "experiment"]


@dataclass(frozen=True, slots=True)
class Secrets:
    postgres_password: str
    valkey_password: str
    operator_key: str
    labeler_key: str
    simulate_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that `prefloop` made. `path` is absolute, because child processes are told of it."""

    path: Path

    @classmethod
    def open(cls, path: Path, *, kind: Kind) -> "RunFolder":
        """The run in `path`, made where there is none. LoopError where other files lie there."""
        folder = cls(path.resolve())
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if not (folder.path / MARKER).exists():
                if any(folder.path.iterdir()):
                    raise LoopError(f"{path} holds files that are no run of prefloop: name a new folder with --dir")
                folder._write(MARKER, {"kind": kind, "settings": None})
        except OSError as error:
            raise LoopError(f"--dir {path}: {error.strerror}; name a folder that can be written") from None
        return folder

    @classmethod
    def existing(cls, path: Path) -> "RunFolder":
        if not (path / MARKER).is_file():
            raise LoopError(f"{path} is no run of prefloop: name its folder with --dir")
        return cls(path.resolve())

    @classmethod
    def newest(cls, runs: Path) -> "RunFolder":
        """The loop in the folder `runs` that was started last; experiments are none."""
        markers = sorted(runs.glob(f"*/{MARKER}"), key=lambda marker: marker.stat().st_mtime)
        found = [folder for marker in markers if (folder := cls.existing(marker.parent)).kind != "experiment"]
        if not found:
            raise LoopError(f"{runs} holds no run: name its folder with --dir")
        return found[-1]

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        logs = self.path / "logs"
        logs.mkdir(exist_ok=True)
        return logs

    @property
    def kind(self) -> Kind:
        kind: Kind = self._read(MARKER)["kind"]
        return kind

    def stored_settings(self) -> dict[str, Any]:
        """The settings that the run was last started with, so that going on needs no options again."""
        return self._read(MARKER)["settings"] or {}

    def store_settings(self, settings: Settings) -> None:
        chosen = settings.without_secrets()
        chosen.pop("checkpoints")  # follows the folder, also when it is moved
        self._write(MARKER, {"kind": self.kind, "settings": chosen})

    def secrets(self, *, labelers: int) -> Secrets:
        """The run's passwords and keys, made at the first start; keys for at least `labelers` simulated labelers."""
        from shared.store.accounts import new_key

        if (self.path / "secrets.json").exists():
            kept = self._read("secrets.json")
            held = Secrets(**{**kept, "simulate_keys": tuple(kept["simulate_keys"])})
        else:
            held = Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(24), new_key(), new_key(), ())
        missing = labelers - len(held.simulate_keys)
        held = replace(held, simulate_keys=held.simulate_keys + tuple(new_key() for _ in range(missing)))
        self._write("secrets.json", asdict(held))
        return held

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else runs this folder meanwhile. The kernel lets go of it when we end, however we end."""
        with open(self.path / "lock", "a", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LoopError(
                    f"{self.path} is in use: another prefloop runs it. End that one, or name another folder with --dir"
                ) from None
            yield

    def in_use(self) -> bool:
        try:
            with self.held():
                return False
        except LoopError:
            return True

    def announce(self, addresses: dict[str, str]) -> None:
        """For `prefloop status` beside us. The database's address holds its password: the file is its owner's alone."""
        self._write("running.json", addresses)

    def withdraw(self) -> None:
        (self.path / "running.json").unlink(missing_ok=True)

    def announced(self) -> dict[str, str]:
        try:
            addresses: dict[str, str] = self._read("running.json")
        except FileNotFoundError:
            raise LoopError(f"{self.path} is just starting or ending: ask again in some seconds") from None
        return addresses

    def clear(self) -> None:
        """Delete what a demo left, to start afresh. LoopError for any other: people's labels are not ours to delete."""
        if self.kind != "demo":
            raise LoopError(f"{self.path} is a run for people, and a new demo would delete it: name another with --dir")
        for entry in self.path.iterdir():
            if entry.name in (MARKER, "lock"):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self._write(MARKER, {"kind": "demo", "settings": None})

    def _read(self, name: str) -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    def _write(self, name: str, data: object) -> None:
        temporary = self.path / f".{name}.new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / name)
