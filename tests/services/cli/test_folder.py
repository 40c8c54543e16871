import os
from pathlib import Path

import pytest

from services.cli.folder import RunFolder
from shared.domain import LoopError


def test_secrets_are_made_once_and_their_owner_alone_reads_them(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", kind="up")
    first = folder.secrets(labelers=1)
    assert first == folder.secrets(labelers=0)
    more = folder.secrets(labelers=3)
    assert more.simulate_keys[:1] == first.simulate_keys
    assert more.postgres_password == first.postgres_password
    every = [more.postgres_password, more.valkey_password, more.operator_key, more.labeler_key, *more.simulate_keys]
    assert len(set(every)) == 7
    assert (folder.path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(LoopError, match="holds files that are no run of prefloop"):
        RunFolder.open(tmp_path, kind="demo")
    with pytest.raises(LoopError, match="is no run of prefloop"):
        RunFolder.existing(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_only_a_demo_is_cleared(tmp_path: Path) -> None:
    people = RunFolder.open(tmp_path / "people", kind="up")
    (people.path / "labels").write_text("hours of work")
    with pytest.raises(LoopError, match="a run for people"):
        RunFolder.open(people.path, kind="demo").clear()
    assert (people.path / "labels").exists()

    demo = RunFolder.open(tmp_path / "demo", kind="demo")
    (demo.path / "checkpoints").mkdir()
    (demo.path / "checkpoints" / "file").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (demo.path / "link").symlink_to(tmp_path / "elsewhere")
    demo.clear()
    assert os.listdir(demo.path) == ["run.json"]
    assert (tmp_path / "elsewhere").is_dir()


def test_one_run_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", kind="up")
    assert not folder.in_use()
    with folder.held():
        assert folder.in_use()
        with pytest.raises(LoopError, match="is in use"), folder.held():
            pass
    assert not folder.in_use()


def test_newest_is_the_one_started_last(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="holds no run"):
        RunFolder.newest(tmp_path)
    for age, name in enumerate(["new", "older", "oldest"]):
        marker = RunFolder.open(tmp_path / name, kind="up").path / "run.json"
        os.utime(marker, (1e9 - age, 1e9 - age))
    RunFolder.open(tmp_path / "experiment", kind="experiment")
    assert RunFolder.newest(tmp_path).path == tmp_path / "new"
