"""What summaries are like: ROUGE against references, how much is not in the source, how long they are. No torch.

Words are compared without case and punctuation. A sentence or n-gram is novel where its words do not stand in the
source one after the other; shares are of all sentences, or n-grams, of all summaries together (Ziegler et al. 2019,
section 4.3, counts copied sentences so).
"""

import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from shared.domain import LoopError
from shared.tasks.sentences import sentences

LONGEST = 4  # n-grams of 1 to so many words
ROUGE = ("rouge1", "rouge2", "rougeL")
WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class SummaryFigures:
    """Means and shares over summaries; None where nothing can be counted.

    novel_ngrams[n - 1]: of n words. rouge: mean F1 by kind, over the summaries that have a reference.
    """

    words: float
    novel_sentences: float | None
    novel_ngrams: tuple[float | None, ...]
    rouge: dict[str, float] | None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def summary_figures(
    summaries: Sequence[str], sources: Sequence[str], references: Sequence[str | None]
) -> SummaryFigures:
    """Figures of summaries with their sources and references, row by row. LoopError where ROUGE is not installed."""
    pairs = [(words(summary), words(source)) for summary, source in zip(summaries, sources, strict=True)]
    split = [
        (words(sentence), words(source))
        for summary, source in zip(summaries, sources, strict=True)
        for sentence in sentences(summary)
    ]
    ngrams = [
        [(ngram, source) for found, source in pairs for ngram in windows(found, n)] for n in range(1, LONGEST + 1)
    ]
    return SummaryFigures(
        words=statistics.fmean(len(found) for found, _ in pairs),
        novel_sentences=novel(split),
        novel_ngrams=tuple(novel(some) for some in ngrams),
        rouge=rouge(summaries, references),
    )


def lead(source: str, n: int = 3) -> str:
    """The first `n` sentences of a text: the baseline that is hard to beat on news."""
    return " ".join(sentences(source)[:n])


def words(text: str) -> tuple[str, ...]:
    return tuple(WORD.findall(text.lower()))


def windows(found: tuple[str, ...], n: int) -> list[tuple[str, ...]]:
    """All runs of `n` words."""
    return [found[i : i + n] for i in range(len(found) - n + 1)]


def novel(pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]) -> float | None:
    """The share of runs of words that do not stand in the source beside them; those without a word do not count."""
    spoken = [(f" {' '.join(run)} ", f" {' '.join(source)} ") for run, source in pairs if run]
    return sum(run not in source for run, source in spoken) / len(spoken) if spoken else None


def rouge(summaries: Sequence[str], references: Sequence[str | None]) -> dict[str, float] | None:
    """Mean F1 of ROUGE-1, -2 and -L, with stemming (Lin 2004; Google's `rouge-score`). None without any reference."""
    pairs = [(y, reference) for y, reference in zip(summaries, references, strict=True) if reference]
    if not pairs:
        return None
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise LoopError("ROUGE is not installed: pip install 'prefloop[evaluate]'") from None
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scores = [scorer.score(reference, summary) for summary, reference in pairs]
    return {kind: statistics.fmean(score[kind].fmeasure for score in scores) for kind in ROUGE}
