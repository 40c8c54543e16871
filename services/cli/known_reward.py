"""The known reward r_s that simulated labelers prefer by: VADER's compound sentiment of a text, from -1 to 1.

Hutto and Gilbert 2014, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text". It is a
function of the text alone, as a person's choice would be; the loop itself never sees it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from shared.domain import LoopError


def known_reward(text: str) -> float:
    """The compound sentiment of `text`, rounded by VADER to four decimals; 0 without a word of its lexicon."""
    return float(_analyzer().polarity_scores(text)["compound"])


def choose(texts: Sequence[str]) -> int:
    """The position of the text with the highest known reward.

    Ties go to the first in the order of the texts themselves: the order in which they are shown does not matter.
    """
    return min(range(len(texts)), key=lambda position: (-known_reward(texts[position]), texts[position]))


def rate(text: str, *, levels: int) -> int:
    """The known reward on a scale of 1 to `levels`: [-1, 1] cut into as many parts of one size."""
    return min(levels, 1 + int((known_reward(text) + 1) / 2 * levels))


@cache
def _analyzer() -> Any:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise LoopError("VADER, the known reward, is not installed: pip install 'prefloop[simulate]'") from None
    return SentimentIntensityAnalyzer()
