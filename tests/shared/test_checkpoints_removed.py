"""Folders of weights are found, weighed and removed, with what killed attempts left."""

from pathlib import Path

import pytest

from shared.checkpoints import Checkpoints, Folder
from shared.domain import LoopError
from tests.shared.test_checkpoints import WEIGHTS, everything, write


def test_all_folders_of_versions_are_found_and_others_left_alone(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.folders() == []
    checkpoints.publish("policy", 3, 2, write, {})
    checkpoints.publish("reward", 1_000_000, 1, write, {})
    (tmp_path / "policy" / ".000004-1-0a1b2c3d").mkdir()
    for other in ("policy/notes", "policy/000005", "other/000001-1"):
        (tmp_path / other).mkdir(parents=True)
    (tmp_path / "policy" / "000006-1").write_text("a file")
    assert checkpoints.folders() == [
        Folder("policy", 4, "policy/.000004-1-0a1b2c3d"),
        Folder("policy", 3, "policy/000003-2"),
        Folder("reward", 1_000_000, "reward/1000000-1"),
    ]


def test_a_removed_folder_is_gone_with_its_bytes(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    published = checkpoints.publish("policy", 3, 2, write, {})
    size = checkpoints.size(published.path)
    assert size > sum(len(content) for content in WEIGHTS.values())  # the manifest
    assert checkpoints.remove(published.path) == size
    assert everything(tmp_path) == []
    with pytest.raises(OSError, match="000003-2"):
        checkpoints.remove(published.path)
    with pytest.raises(LoopError, match="leads out of"):
        checkpoints.remove("../elsewhere")


def test_a_removal_that_was_cut_off_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    published = checkpoints.publish("policy", 3, 2, write, {})

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.remove(published.path)
    monkeypatch.undo()
    [left] = checkpoints.folders()
    assert left.path.startswith("policy/.000003-2-")
    checkpoints.remove(left.path)
    assert everything(tmp_path) == []
