"""What stands beside an exported file: its form, where it comes from, and the sum that says whether it is whole."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.domain import LoopError

VERSION = 1  # of the forms; a reader of this version knows no later one


class Manifest(BaseModel):
    """Beside FILE as FILE.manifest.json.

    labels: read from the store. items: written, more or fewer than labels in formats of pairs or of choices alone.
    tokenizer: ρ's, as model.ref_policy names it; pad_id: that of padded rows of ids, in the format that has such.
    """

    model_config = ConfigDict(frozen=True)
    format: str
    format_version: int = VERSION
    prefloop_version: str
    created_at: datetime
    sha256: str
    labels: int
    items: int
    filters: dict[str, Any]
    loop: str
    settings: dict[str, Any]
    tokenizer: str
    pad_id: int | None = None


def beside(path: Path) -> Path:
    return path.with_name(path.name + ".manifest.json")


def read(path: Path) -> Manifest | None:
    """A file's manifest, None where it has none. LoopError where it is of a later version or the file is damaged."""
    try:
        data = beside(path).read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise LoopError(f"{beside(path)} is no manifest of an export ({error.errors()[0]['msg']}): remove it") from None
    if found.format_version > VERSION:
        raise LoopError(
            f"{path} is of format version {found.format_version}, later than {VERSION}: use a newer prefloop"
        )
    if found.sha256 != sha256(path):
        raise LoopError(
            f"{path} is not the file that {beside(path).name} stands for: export it again, or remove the manifest if "
            "you changed the file on purpose"
        )
    return found


def write(manifest: Manifest, path: Path) -> None:
    path.write_text(json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
