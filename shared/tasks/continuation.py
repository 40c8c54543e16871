"""Style tasks: x is an excerpt of a text, whole sentences, and y goes on with it (algorithm.md, Tasks).

A text of at most `task.query_tokens` is an excerpt as it is. A longer one, such as a book, is cut into excerpts that
start after a period and end at one, as long as they may be; a sentence too long for one is passed over. (The released
code takes one excerpt of each passage in the same way, by tokens: from after the first "." on, up to the last one.)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.settings import TaskSettings
from shared.tasks.sentences import SENTENCE_END
from shared.tasks.sources import rows
from shared.tasks.task import Encoder, Query, Task, held_out, shuffled

OPENINGS = Path(__file__).parent.parent / "language" / "embedded" / "openings.jsonl"
COLUMN = "text"


@dataclass(frozen=True, slots=True)
class Continuation:
    """A task without prefix and suffix: π, ρ and r read the same."""

    training: Sequence[Query]
    held_out: Sequence[Query]
    context_tokens: int

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        return tokens

    def query(self, position: int) -> Query:
        return self.training[position % len(self.training)]

    def evaluation(self, n: int) -> list[Query]:
        return list(self.held_out[:n])


def load(settings: TaskSettings, tokenizer: Encoder) -> Task:
    """Sentiment or descriptiveness, which differ in what people are asked.

    Raises LoopError where the source cannot be read, a row has no text, or too few excerpts are left.
    """
    source, limit = settings.queries or str(OPENINGS), settings.query_tokens
    texts = [row.text for row in rows(source, column=settings.column or COLUMN)]
    cut = [x for text in texts for x in excerpts(text, fits=lambda text: len(tokenizer.encode(text)) <= limit)]
    queries = shuffled(Query(text, tokenizer.encode(text)) for text in cut)
    training, aside = held_out(
        queries,
        found_in=f"task.queries {source} has {len(texts)} texts and {len(queries)} excerpts of at most {limit} tokens; "
        "name a larger file or raise task.query_tokens",
    )
    return Continuation(training, aside, context_tokens=limit)


def excerpts(text: str, *, fits: Callable[[str], bool]) -> Iterator[str]:
    """The text itself where it fits; otherwise one excerpt after the other, each the longest that fits.

    White space in those, hard line breaks among it, is one space each.
    """
    if fits(text):
        yield text
        return
    text = " ".join(text.split())
    start = end = None
    for match in SENTENCE_END.finditer(text):
        if match[0] != ".":
            continue
        if start is None or end is None:  # what comes before the first period may be no whole sentence
            start = end = match.end()
            continue
        if not fits(text[start : match.end()].strip()):
            if end > start:
                yield text[start:end].strip()
            start = end if fits(text[end : match.end()].strip()) else match.end()
        end = match.end()
    if start is not None and end is not None and end > start:
        yield text[start:end].strip()
