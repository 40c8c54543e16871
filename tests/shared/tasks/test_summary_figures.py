"""Figures of summaries, counted by hand."""

import pytest

from shared.tasks.sentences import sentences
from shared.tasks.summary_figures import lead, rouge, summary_figures

SOURCE = "The cat sat on the mat. It was a warm day! Mr. Fox came by. He left soon."


def test_sentences_end_with_punctuation_and_lines() -> None:
    assert sentences(SOURCE) == ["The cat sat on the mat.", "It was a warm day!", "Mr. Fox came by.", "He left soon."]
    assert sentences("A star is rich .\nNo plans, says J. Smith") == ["A star is rich .", "No plans, says J. Smith"]
    assert sentences(" \n") == []


def test_lead_3_is_the_first_three_sentences() -> None:
    assert lead(SOURCE) == "The cat sat on the mat. It was a warm day! Mr. Fox came by."
    assert lead("Only one.") == "Only one."


def test_novelty_by_hand() -> None:
    """One copied sentence of two; words: the cat sat on the mat | a dog sat on the mat."""
    found = summary_figures(["the cat sat on the mat! A dog sat on the mat."], [SOURCE], [None])
    assert found.words == 12
    assert found.novel_sentences == 1 / 2
    # Of the 12 words, "dog" alone is not in the source. Of the 11 pairs: mat-a, a-dog, dog-sat are not.
    # Of the 10 triples: the-mat-a, mat-a-dog, a-dog-sat, dog-sat-on. Of the 9 fours: those and one more.
    assert found.novel_ngrams == pytest.approx((1 / 12, 3 / 11, 4 / 10, 5 / 9))
    assert found.rouge is None


def test_shares_are_of_all_summaries_together() -> None:
    found = summary_figures(["He left soon.", "Nobody knew. Nobody ever asked."], [SOURCE, SOURCE], [None, None])
    assert found.novel_sentences == pytest.approx(2 / 3)  # not (0 + 1) / 2
    assert found.novel_ngrams[0] == pytest.approx(5 / 8)
    assert found.words == 4


def test_a_word_within_a_word_is_no_copy() -> None:
    found = summary_figures(["at."], ["The cat sat."], [None])
    assert found.novel_sentences == 1
    assert found.novel_ngrams == (1, None, None, None)


def test_lead_3_is_never_novel() -> None:
    found = summary_figures([lead(SOURCE)], [SOURCE], [None])
    assert found.novel_sentences == 0
    assert found.novel_ngrams == (0, 0, 0, 0)


def test_an_empty_summary_counts_for_nothing() -> None:
    found = summary_figures([""], [SOURCE], ["A cat."])
    assert (found.words, found.novel_sentences, found.novel_ngrams) == (0, None, (None,) * 4)
    assert found.rouge == {"rouge1": 0, "rouge2": 0, "rougeL": 0}


def test_rouge_by_hand() -> None:
    """6 words each. In common: the, cat, on, mat; of 5 pairs each "the cat"; in order the-cat-on-mat."""
    found = rouge(["The cat lay on a mat.", "left out"], ["The cat sat on the mat.", None])
    assert found == pytest.approx({"rouge1": 4 / 6, "rouge2": 1 / 5, "rougeL": 4 / 6})
    assert rouge(["same"], [None]) is None
    both = rouge(["The cat lay on a mat.", "Same words."], ["The cat sat on the mat.", "same words"])
    assert both == pytest.approx({"rouge1": 5 / 6, "rouge2": 3 / 5, "rougeL": 5 / 6})
