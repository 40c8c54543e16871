"""Text for pretraining: read, cleaned, split into what is learnt and what only measures."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.domain import LoopError
from shared.training.seeds import seed_of

PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": " - ", "–": "-", "…": "...", "\u00a0": " "})
SENTENCE_END = re.compile(r'[.!?]["\']?(?=\s|$)')
MARKUP = re.compile(r"[*#<>\[\]{}|\\_`]|https?:|\n\s*(?:[-\d]+[.)]?)\s")
REFUSAL = re.compile(r"\b(?:I'm sorry|as an AI|language model|here is a short story|title:)", re.IGNORECASE)
LEAST_WORDS = 20


@dataclass(frozen=True, slots=True)
class Corpus:
    """`read` texts were found, of which `training` and `held_out` were kept, cleaned."""

    read: int
    training: list[str]
    held_out: list[str]


def load_corpus(files: Sequence[Path], *, held_out: int, seed: int) -> Corpus:
    """Texts of all files, without repetitions; `held_out` of them set aside, chosen by seed and text alone.

    A file is JSONL with a `text` or `story` a line, or plain text with an empty line between texts.
    Raises LoopError where one cannot be read, or there are not more than `held_out` texts.
    """
    texts = [text for file in files for text in _read(file)]
    kept = sorted(
        {cleaned for text in texts if (cleaned := clean(text)) is not None}, key=lambda text: seed_of(seed, text)
    )
    if len(kept) <= held_out:
        raise LoopError(
            f"{', '.join(map(str, files))}: {len(texts)} texts, {len(kept)} usable; more than --held-out ({held_out}) "
            "are needed"
        )
    return Corpus(read=len(texts), training=kept[held_out:], held_out=kept[:held_out])


def clean(text: str) -> str | None:
    """One paragraph of plain English that ends with a sentence, or None where there is none worth keeping."""
    text = text.translate(PLAIN)
    if MARKUP.search(text) or REFUSAL.search(text) or not text.isascii():
        return None
    text = " ".join(text.split())
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    if not ends:
        return None
    text = text[: ends[-1]]
    return text if len(text.split()) >= LEAST_WORDS else None


def opening(text: str, *, fits: Callable[[str], bool]) -> str | None:
    """The longest run of whole sentences from the start of `text`, ending in a period, that `fits`; None without one."""
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    best = None
    for end in ends:
        if not fits(text[:end]):
            break
        if text[:end].endswith("."):
            best = text[:end]
    return best


def _read(file: Path) -> list[str]:
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"{file} cannot be read: {error}") from None
    if file.suffix != ".jsonl":
        return content.split("\n\n")
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            row = json.loads(line)
            found.append(row["text"] if "text" in row else row["story"])
        except (ValueError, KeyError, TypeError):
            raise LoopError(f"{file}, line {number}: expected an object with `text` or `story`") from None
    return found
