import json
from pathlib import Path

import pytest

from shared.domain import LoopError
from shared.training.corpus import UnfitError, clean, load_corpus, opening

STORY = (
    "Mr. Brown had a small dog. The dog liked to run along the river in the morning. One day it found a letter there. "
    'He read it aloud. "Come home," it said. '
)


def test_the_last_sentence_is_the_end() -> None:
    assert clean(STORY + "And then he").endswith('"Come home," it said.')
    assert clean(STORY + "Then he met Dr. Gray and").endswith('"Come home," it said.')


def test_quotes_accents_and_white_space_are_made_plain() -> None:
    cleaned = clean("“Café,” said Zoë’s friend…\n\n" + STORY)
    assert cleaned.startswith('"Cafe," said Zoe\'s friend... Mr. Brown')
    assert "  " not in cleaned


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Too short to learn from.", "fewer than"),
        ("It goes on and on " * 20, "fewer than"),
        (STORY + "дом.", "letters"),
        ("**Title**\n" + STORY, "markup"),
        ("Once:\n1. first\n" + STORY, "markup"),
        (STORY + "The story is calm.", "about itself"),
        ("As an AI I cannot. " + STORY, "about itself"),
        ("She was very calm, because she was very calm. " * 6, "repeats itself"),
    ],
)
def test_what_is_unfit_says_why(text: str, reason: str) -> None:
    with pytest.raises(UnfitError, match=reason):
        clean(text)


def test_an_opening_is_the_longest_run_of_whole_sentences() -> None:
    def within(words: int, text: str) -> str | None:
        return opening(text, fits=lambda start: len(start.split()) <= words)

    assert within(5, STORY) is None
    assert within(6, STORY) == "Mr. Brown had a small dog."  # not "Mr."
    assert within(21, STORY).endswith("in the morning.")  # type: ignore[union-attr]
    assert within(9, "Who is there? It is me. We are here!") == "Who is there? It is me."
    assert within(9, '"I am here. Where are you?" he said.') == '"I am here. Where are you?" he said.'
    assert within(4, '"I am here. Where are you?" he said.') is None  # the quotation would be left open


def texts(n: int) -> list[str]:
    return [STORY + f"It was the letter number {i}." for i in range(n)]


def test_the_split_depends_on_seed_and_text_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "a.jsonl", tmp_path / "b.txt"
    one.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts(40)))
    two.write_text("\n\n".join(reversed(texts(40))))
    a, b = (load_corpus([file], held_out=8, seed=1) for file in (one, two))
    assert (a.training, a.held_out) == (b.training, b.held_out)
    assert (len(a.training), len(a.held_out)) == (32, 8)
    assert not set(a.training) & set(a.held_out)
    assert load_corpus([one], held_out=8, seed=2).held_out != a.held_out
    assert len(load_corpus([one], held_out=3000, seed=1).held_out) == 10  # at most a quarter


def test_repetitions_of_one_text_are_one(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"story": text}) + "\n" for text in texts(20) + texts(5) + ["no"]))
    corpus = load_corpus([file], held_out=4, seed=1)
    assert corpus.read == 26
    assert len(corpus.training) + len(corpus.held_out) == 20
    assert sum(corpus.dropped.values()) == 6


def test_too_little_text_says_what_was_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Short.\n\n" + texts(1)[0])
    with pytest.raises(LoopError, match=r"1 of 2 texts are fit.*1 of fewer than"):
        load_corpus([file], held_out=1, seed=1)
