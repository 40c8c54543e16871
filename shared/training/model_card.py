"""What pretraining leaves behind: the model, openings it never saw, its measured figures and a card that says so."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from shared.algorithms.truncate import truncate
from shared.domain import LoopError
from shared.language.generation import sample
from shared.language.policy import VALUE_HEAD, Policy, save_policy
from shared.language.pretrained import without_dropout
from shared.settings import TaskSettings
from shared.training import batches
from shared.training.corpus import Corpus, opening, starts
from shared.training.recipe import Recipe
from shared.training.seeds import generator
from shared.training.supervised import Fit

LEAST_TOKENS = 6
MEASURED_ON = 512
SAMPLES = 20

CARD = """# Model card

{kind} of {parameters:,} parameters with a vocabulary of {vocabulary:,} tokens, made by `prefloop pretrain`{origin}.
{about}

| | |
|---|---|
| texts read | {read:,} |
| left out | {dropped} |
| learnt from, held out | {training:,}, {held_out:,} |
| tokens an epoch, epochs | {tokens:,}, {epochs} |
| held-out perplexity a token (a word) | {perplexity:.2f} ({perplexity_a_word:.1f}) |
| the same before training and after each epoch | {perplexities} |
| training time | {minutes:.0f} minutes on {threads} CPU threads |
| `{truncate_token}` between {truncate_after} and {response_tokens} tokens | {valid:.1%} of {measured_on} |

The last line counts continuations of held-out openings at temperature {temperature}; recipe, seed and unrounded
figures are in `figures.json`. `openings.jsonl` holds {openings:,} openings of held-out texts: whole sentences, none
of which opens a text that was learnt from. Weights are stored as {stored}.

## Limits
It knows nothing but texts like these, repeats their commonplaces and stereotypes, and loses the thread after a sentence
or two. It is there to learn and test RLHF with, not to be asked or believed.

## Samples
The first held-out openings, not chosen, and **what the model goes on with** at temperature {temperature}:

{samples}
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """`perplexity` on held-out text; `valid`: share of continuations that end properly; `openings` for the task."""

    perplexity: float
    valid: float
    openings: int


def leave(
    policy: Policy,
    corpus: Corpus,
    fitted: Fit,
    out: Path,
    *,
    recipe: Recipe,
    task: TaskSettings,
    from_policy: str | None,
    about: str,
) -> Figures:
    """Write policy, openings, figures and card into `out`. Raises LoopError where no held-out text gives a query."""
    openings = openings_of(policy, corpus, longest=task.query_tokens)
    if not openings:
        raise LoopError(
            f"none of {len(corpus.held_out)} held-out texts opens with a sentence of task.query_tokens "
            f"({task.query_tokens}) tokens or fewer; raise it or hold out more"
        )
    stored = _round(policy)
    asked = openings[:MEASURED_ON]
    continuations, valid = _continue(policy, asked, task, recipe.seed)
    figures = Figures(fitted.perplexities[-1], valid, len(openings))
    facts = {
        "read": corpus.read,
        "dropped": corpus.dropped,
        "training": len(corpus.training),
        "held_out": len(corpus.held_out),
        "kind": type(policy.model).__name__,
        "parameters": sum(p.numel() for p in policy.model.parameters()),
        "vocabulary": len(policy.tokenizer),
        "stored": str(stored).removeprefix("torch."),
        **asdict(fitted),
        **asdict(figures),
        "perplexity_a_word": figures.perplexity**fitted.tokens_a_word,
        "measured_on": len(asked),
    }
    _save(policy, out, stored)
    (out / "openings.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in openings))
    everything = {**facts, "recipe": asdict(recipe), "task": task.model_dump(mode="json")}
    (out / "figures.json").write_text(json.dumps(everything, indent=1) + "\n")
    told = {
        "about": about,
        "origin": f", which went on from `{from_policy}`" if from_policy else "",
        "dropped": "; ".join(f"{count:,} {why}" for why, count in sorted(corpus.dropped.items()) if count) or "none",
        "perplexities": ", ".join(f"{p:.2f}" for p in fitted.perplexities),
        "minutes": fitted.seconds / 60,
        "samples": "\n".join(f"- {x} **{y.strip()}**" for x, y in zip(asked, continuations[:SAMPLES], strict=False)),
    }
    (out / "MODEL_CARD.md").write_text(CARD.format_map({**asdict(recipe), **task.model_dump(), **facts, **told}))
    return figures


def openings_of(policy: Policy, corpus: Corpus, *, longest: int) -> list[str]:
    """Openings of held-out texts, each once, from LEAST_TOKENS to `longest` tokens; none opens a text learnt from."""

    def fits(text: str) -> bool:
        return len(policy.tokenizer.encode(text)) <= longest

    found = dict.fromkeys(x for text in corpus.held_out if (x := opening(text, fits=fits)))
    seen = {start for text in corpus.training for start in starts(text)}
    return [x for x in found if x not in seen and len(policy.tokenizer.encode(x)) >= LEAST_TOKENS]


def _continue(policy: Policy, texts: Sequence[str], task: TaskSettings, seed: int) -> tuple[list[str], float]:
    """A continuation of each text, and the share of them that end properly."""
    tokenizer = policy.tokenizer
    rows = [tokenizer.encode(text) for text in texts]
    query, mask = batches.queries(rows, pad_id=tokenizer.pad_id, length=task.query_tokens, device=policy.device)
    response = sample(
        policy,
        query,
        mask,
        length=task.response_tokens,
        temperature=task.temperature,
        generator=generator(policy.device, seed, "model card"),
    ).squeeze(1)
    _, valid, _ = truncate(
        response, token=tokenizer.token_id(task.truncate_token), after=task.truncate_after, pad=tokenizer.pad_id
    )
    return [tokenizer.decode(row) for row in response.tolist()], valid.float().mean().item()


@torch.no_grad()
def _round(policy: Policy) -> torch.dtype:
    """Round the weights, which stay float32, to what is stored of them: float16, unless it cannot hold one."""
    parameters = list(policy.model.parameters())
    if not all(p.half().isfinite().all() for p in parameters):
        return torch.float32
    for p in parameters:
        p.copy_(p.half())
    return torch.float16


def _save(policy: Policy, out: Path, dtype: torch.dtype) -> None:
    out.mkdir(parents=True, exist_ok=True)
    without_dropout(policy.model.config)  # it served pretraining only
    for p in policy.model.parameters():
        p.data = p.data.to(dtype)
    save_policy(policy, out)
    policy.model.float()
    (out / VALUE_HEAD).unlink()  # a new policy starts with one of zeros
