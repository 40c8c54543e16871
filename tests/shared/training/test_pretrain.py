"""Text in, policy out, on a few dozen made-up stories: the whole recipe in seconds."""

import json
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shared.domain import LoopError
from shared.language.policy import import_policy
from shared.settings import TaskSettings
from shared.training.pretrain import run
from shared.training.recipe import Recipe

RECIPE = Recipe(
    vocab_size=400, context=64, d=32, layers=2, heads=2, dropout=0.1, epochs=4, batch=8, lr=1e-2, warmup=5, held_out=40,
    threads=1, autocast=False,
)  # fmt: skip
TASK = TaskSettings(query_tokens=24, response_tokens=20, truncate_after=4)


def silent(line: str) -> None:
    assert line


def stories() -> list[str]:
    who = ["the old dog", "a sad king", "my sister", "the small wolf", "a quiet sailor", "our teacher"]
    where = ["to the river", "over the hill", "into the cold wood", "back to the house", "along the road"]
    what = ["found a golden ring", "lost a letter", "saw a bright star", "heard a strange song", "met a friend"]
    return [
        f'One day {a} went {b}. There {a} {c}. "I will not forget it," said {a}, and came home when the sun was low.'
        for a, b, c in product(who, where, what)
    ]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "stories.jsonl"
    file.write_text("".join(json.dumps({"story": text}) + "\n" for text in stories()))
    return file


@pytest.fixture(scope="module")
def made(texts: Path) -> Path:
    out = texts.parent / "made"
    run([texts], out, recipe=RECIPE, task=TASK, about="Made up for a test.", say=silent)
    return out


def figures(folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / "figures.json").read_text())
    return found


def test_it_learns(made: Path) -> None:
    first, *_, last = json.loads((made / "figures.json").read_text())["perplexities"]
    assert 200 < first < 800  # nothing learnt: about as many guesses as the vocabulary has tokens
    assert last < 4


def test_the_policy_opens_and_tells_the_likely_from_the_unlikely(made: Path) -> None:
    policy = import_policy(str(made))
    assert {p.dtype for p in policy.parameters()} == {torch.float32}
    assert policy.model.config.resid_pdrop == policy.model.config.attn_pdrop == policy.model.config.embd_pdrop == 0.0
    tokens = policy.tokenizer
    query = torch.tensor([tokens.encode("One day the old dog went")])
    response = torch.tensor([tokens.encode(" to")])
    logits = policy(query, torch.ones_like(query, dtype=torch.bool), response[:, None]).logits[0, 0, 0]
    assert logits[tokens.encode(" to")[0]] > logits[tokens.encode(" day")[0]] + 2


def test_a_sentence_ends_in_one_and_the_same_token(made: Path) -> None:
    tokens = import_policy(str(made)).tokenizer
    period = tokens.token_id(".")
    for text in ("home.", 'home."', "home.\n", "home. There", "home..."):
        assert period in tokens.encode(text), text
    assert tokens.decode(tokens.encode('He said, "Go home." So I went.')) == 'He said, "Go home." So I went.'
    assert tokens.pad_id != tokens.token_id("<|end|>")


def test_openings_are_whole_sentences_nobody_learnt_from(made: Path) -> None:
    policy = import_policy(str(made))
    openings = [json.loads(line)["text"] for line in (made / "openings.jsonl").read_text().splitlines()]
    assert len(openings) == len(set(openings)) >= 5
    known = stories()
    for text in openings:
        assert text.endswith(".")
        assert len(policy.tokenizer.encode(text)) <= TASK.query_tokens
        # held-out texts only: of all that open so, none was learnt from
        assert sum(story.startswith(text) for story in known) <= RECIPE.held_out


def test_the_card_says_what_was_measured(made: Path) -> None:
    card, measured = (made / "MODEL_CARD.md").read_text(), figures(made)
    assert "Made up for a test." in card
    assert f"{measured['perplexity']:.2f} (" in card
    assert f"{measured['valid']:.1%} of {measured['measured_on']}" in card
    assert f"{measured['parameters']:,} parameters" in card
    assert measured["held_out"] == 37  # at most a quarter of 150
    assert measured["perplexity_a_word"] == pytest.approx(measured["perplexity"] ** measured["tokens_a_word"])


def test_twice_the_same(texts: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=1)
    for name in ("one", "two"):
        run([texts], tmp_path / name, recipe=recipe, task=TASK, say=silent)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert {p.dtype for p in one.values()} == {torch.float16}


def test_it_goes_on_from_a_policy(made: Path, tmp_path: Path) -> None:
    told = tmp_path / "sea.txt"
    told.write_text("\n\n".join(text.replace("dog", "ship").replace("river", "sea") for text in stories()))
    tuned = tmp_path / "tuned"
    recipe = Recipe(epochs=2, batch=8, lr=3e-3, warmup=2, held_out=40, threads=1, autocast=False)
    run([told], tuned, from_policy=str(made), recipe=recipe, task=TASK, say=silent)
    first, *_, last = json.loads((tuned / "figures.json").read_text())["perplexities"]
    assert first < 20  # what was learnt before is still there
    assert last < 0.8 * first
    assert (tuned / "tokenizer.json").read_bytes() == (made / "tokenizer.json").read_bytes()
    assert math.isfinite(figures(tuned)["perplexity"])
    assert f"went on from `{made}`" in (tuned / "MODEL_CARD.md").read_text()


def test_bad_input_is_named(made: Path, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n{"words": "no"}\n')
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for file, message in {
        "none.txt": "none.txt cannot be read",
        "empty.txt": "no text at all",
        "bad.jsonl": "bad.jsonl, line 2",
        "binary.txt": "binary.txt cannot be read",
    }.items():
        with pytest.raises(LoopError, match=message):
            run([tmp_path / file], tmp_path / "out", recipe=RECIPE, task=TASK)
        assert not (tmp_path / "out").exists()
    with pytest.raises(LoopError, match="is there already"):
        run([texts], made, recipe=RECIPE, task=TASK)
    with pytest.raises(LoopError, match="no-such-policy"):
        run([texts], tmp_path / "out", from_policy=str(tmp_path / "no-such-policy"), recipe=RECIPE, task=TASK)
