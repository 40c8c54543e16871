"""What pretraining leaves behind: the model, the openings it never saw, its measured figures and a card that says so."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from shared.algorithms.truncate import truncate
from shared.domain import LoopError
from shared.language.generation import sample
from shared.language.policy import Policy, save_policy
from shared.settings import TaskSettings
from shared.training import batches
from shared.training.corpus import opening
from shared.training.pretrain import Pretrained, Recipe
from shared.training.seeds import generator

LEAST_TOKENS = 6
MEASURED_ON = 512
SAMPLES = 8

CARD = """# {name}

A GPT-2 of {parameters:,} parameters ({layers} layers, d = {d}, {heads} heads, {vocab} byte-pair tokens, context {context}),
made by `prefloop pretrain`. {made_from}

| | |
|---|---|
| texts read / learnt from / held out | {read:,} / {trained:,} / {held_out:,} |
| tokens an epoch, epochs | {tokens:,}, {epochs} |
| held-out perplexity per token, after each epoch | {perplexities} |
| continuations of {task_tokens} tokens at temperature {temperature} with a {token!r} from index {after} on | {valid:.1%} of {measured} |
| training time | {minutes:.0f} minutes on {threads} threads |

`openings.jsonl` holds the first whole sentences of held-out texts: the model has seen none of them.
Weights are float16; licence Apache-2.0. It knows nothing but texts of this kind: a policy to learn RLHF with, not one to ask.

## Samples
The opening, then what the model goes on with (temperature {temperature}, not chosen):

{samples}
"""


def leave(made: Pretrained, recipe: Recipe, out: Path, *, made_from: str, task: TaskSettings) -> float:
    """Write model, openings, figures and card into the new folder `out`; returns the share of valid continuations.

    Raises LoopError where `out` exists and is not empty, or no text opens with a sentence short enough.
    """
    if out.exists() and any(out.iterdir()):
        raise LoopError(f"{out} is not empty; name a new folder")
    policy = made.policy
    openings = _openings(policy, made.corpus.held_out, task)
    if len(openings) < SAMPLES:
        raise LoopError(f"only {len(openings)} held-out texts open with a sentence of {task.query_tokens} tokens or fewer")
    continuations, valid = _continue(policy, openings[:MEASURED_ON], task, recipe.seed)
    figures = {
        "recipe": asdict(recipe),
        "parameters": made.parameters,
        "texts": {"read": made.corpus.read, "trained": len(made.corpus.training), "held_out": len(made.corpus.held_out)},
        "tokens_an_epoch": made.training_tokens,
        "held_out_perplexity": made.perplexities,
        "valid": valid,
        "seconds": made.seconds,
    }
    out.mkdir(parents=True, exist_ok=True)
    policy.model.half()
    save_policy(policy, out)
    policy.model.float()
    (out / "value_head.safetensors").unlink()  # a new policy starts with one of zeros
    (out / "openings.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in openings))
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    samples = "\n".join(f"- {x} **{y.strip()}**" for x, y in zip(openings[:SAMPLES], continuations, strict=False))
    (out / "MODEL_CARD.md").write_text(
        CARD.format(
            name=out.name, made_from=made_from, parameters=made.parameters, layers=recipe.layers, d=recipe.d,
            heads=recipe.heads, vocab=len(policy.tokenizer), context=recipe.context, read=made.corpus.read,
            trained=len(made.corpus.training), held_out=len(made.corpus.held_out), tokens=made.training_tokens,
            epochs=recipe.epochs, perplexities=", ".join(f"{p:.2f}" for p in made.perplexities), valid=valid,
            measured=min(MEASURED_ON, len(openings)), minutes=made.seconds / 60, threads=recipe.threads,
            samples=samples, token=task.truncate_token, after=task.truncate_after, temperature=task.temperature,
            task_tokens=task.response_tokens,
        )
    )  # fmt: skip
    return valid


def _openings(policy: Policy, texts: Sequence[str], task: TaskSettings) -> list[str]:
    def fits(text: str) -> bool:
        return len(policy.tokenizer.encode(text)) <= task.query_tokens

    found = (opening(text, fits=fits) for text in texts)
    return list(dict.fromkeys(x for x in found if x and len(policy.tokenizer.encode(x)) >= LEAST_TOKENS))


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
        generator=generator(torch.device("cpu"), seed, "model card"),
    )
    _, valid, _ = truncate(
        response, token=tokenizer.token_id(task.truncate_token), after=task.truncate_after, pad=tokenizer.pad_id
    )
    return [tokenizer.decode(row) for row in response.tolist()], valid.float().mean().item()
