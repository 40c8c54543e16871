import re
from pathlib import Path

import pytest

from services.cli.env import write_env
from shared.domain import LoopError

ROOT = Path(__file__).parent.parent.parent.parent


def read(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_every_name_that_compose_asks_for_is_there(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    wanted = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert wanted
    assert wanted <= read(tmp_path / ".env").keys()


def test_secrets_are_fresh_quotable_and_their_owners_alone(tmp_path: Path) -> None:
    write_env(tmp_path / "one")
    write_env(tmp_path / "other")
    one, other = read(tmp_path / "one"), read(tmp_path / "other")
    assert all(one[name] != other[name] and len(one[name]) >= 24 for name in one)
    assert re.fullmatch(r"[\w-]+", one["POSTGRES_PASSWORD"])  # stands in an address
    assert len(set(one["SIMULATE_KEYS"].split(","))) == 2
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=in-use\n")
    path.chmod(0o644)
    with pytest.raises(LoopError, match=r"exists: .* --force"):
        write_env(path)
    assert path.read_text() == "POSTGRES_PASSWORD=in-use\n"
    write_env(path, force=True)
    assert read(path)["POSTGRES_PASSWORD"] != "in-use"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match=r"nowhere/\.env cannot be written"):
        write_env(tmp_path / "nowhere" / ".env")
