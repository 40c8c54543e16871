"""Text for pretraining: read, cleaned, split into what is learnt and what only measures."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.domain import LoopError
from shared.tasks.sentences import SENTENCE_END
from shared.training.seeds import seed_of

PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": " - ", "–": "-", "…": "...", "\u00a0": " "})
MARKUP = re.compile(r"[*#<>\[\]{}|\\_`]|https?:|\n\s*[-\d]+[.)]?\s")
ABOUT_ITSELF = re.compile(
    r"\bas an AI\b|\blanguage model\b|\btitle:|\b(?:here is|here's) a (?:short )?story\b"
    r"|\b(?:this|the) story is\b|\A(?:a|the|this) (?:short )?(?:story|tale) (?:about|of|is|tells|follows)\b",
    re.IGNORECASE,
)
LEAST_WORDS = 20
LEAST_DISTINCT = 0.85
LEAST_TEXTS = 16


class UnfitError(ValueError):
    """A text that is not worth learning from, and why."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Cleaned texts; `dropped`: how many of those `read` were left out, by reason."""

    read: int
    dropped: dict[str, int]
    training: list[str]
    held_out: list[str]


def load_corpus(files: Sequence[Path], *, held_out: int, seed: int) -> Corpus:
    """Texts of all files; `held_out` of them, at most a quarter, set aside: chosen by seed and text alone.

    A file is JSONL with a `text` or `story` a line, or plain text with an empty line between texts.
    Raises LoopError where one cannot be read, or fewer than LEAST_TEXTS texts are fit.
    """
    texts = [text for file in files for text in _read(file)]
    kept: set[str] = set()
    dropped: Counter[str] = Counter()
    for text in texts:
        try:
            cleaned = clean(text)
        except UnfitError as unfit:
            dropped[str(unfit)] += 1
            continue
        dropped["a repetition of another"] += cleaned in kept
        kept.add(cleaned)
    if len(kept) < LEAST_TEXTS:
        why = "; ".join(f"{count} {reason}" for reason, count in dropped.most_common() if count) or "no text at all"
        raise LoopError(
            f"{', '.join(map(str, files)) or 'no file'}: {len(kept)} of {len(texts)} texts are fit to learn from, at "
            f"least {LEAST_TEXTS} are needed ({why}); name files with more text"
        )
    order = sorted(kept, key=lambda text: seed_of(seed, text))
    aside = min(held_out, len(order) // 4)
    return Corpus(len(texts), dict(dropped), training=order[aside:], held_out=order[:aside])


def clean(text: str) -> str:
    """One paragraph of plain English that ends with a sentence. Raises UnfitError where there is none worth keeping."""
    text = unicodedata.normalize("NFKD", text.translate(PLAIN))
    text = "".join(char for char in text if not unicodedata.combining(char))
    if not text.isascii():
        raise UnfitError("with other than English letters")
    if MARKUP.search(text):
        raise UnfitError("with markup")
    if ABOUT_ITSELF.search(text):
        raise UnfitError("about itself")
    text = " ".join(text.split())
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    text = text[: ends[-1]] if ends else ""
    words = text.lower().split()
    if len(words) < LEAST_WORDS:
        raise UnfitError(f"of fewer than {LEAST_WORDS} words in whole sentences")
    runs = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    if len(set(runs)) < LEAST_DISTINCT * len(runs):
        raise UnfitError("that repeats itself")
    return text


def starts(text: str) -> Iterator[str]:
    """Every run of whole sentences from the start of `text` that ends in a period and leaves no quotation open."""
    for match in SENTENCE_END.finditer(text):
        start = text[: match.end()]
        if start.endswith(".") and start.count('"') % 2 == 0:
            yield start


def opening(text: str, *, fits: Callable[[str], bool]) -> str | None:
    """The longest of `starts` that `fits`; None where not even the shortest does."""
    best = None
    for start in starts(text):
        if not fits(start):
            break
        best = start
    return best


def _read(file: Path) -> list[str]:
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"{file} cannot be read ({error}); name a JSONL or plain text file in UTF-8") from None
    if file.suffix != ".jsonl":
        return [text for text in re.split(r"\n\s*\n", content) if text.strip()]
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            row = json.loads(line)
            text = row["text"] if "text" in row else row["story"]
        except (ValueError, KeyError, TypeError):
            text = None
        if not isinstance(text, str):
            raise LoopError(f"{file}, line {number}: expected an object with a `text` or `story`, got {line[:60]!r}")
        found.append(text)
    return found
