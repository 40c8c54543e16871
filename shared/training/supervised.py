"""Next-token training of a policy on texts, and its perplexity on others."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from shared.language.policy import Policy
from shared.training.recipe import Recipe

IGNORE = -100
BETAS = (0.9, 0.95)
BATCHES_A_POOL = 16
MEASURED_ON = 1000

Row = Sequence[int]


@dataclass(frozen=True, slots=True)
class Fit:
    """`tokens` in the texts learnt from; perplexity per token on the held-out ones, at first and after each epoch.

    perplexity ** tokens_a_word compares models of different vocabularies.
    """

    tokens: int
    perplexities: tuple[float, ...]
    tokens_a_word: float
    seconds: float


def fit(
    policy: Policy,
    training: Sequence[str],
    held_out: Sequence[str],
    *,
    recipe: Recipe,
    lr: float,
    say: Callable[[str], None],
) -> Fit:
    """Train `policy` in place. Dropout, if the model has any, is on meanwhile."""
    start = time.monotonic()
    context = min(recipe.context, getattr(policy.model.config, "max_position_embeddings", recipe.context))
    rows = as_rows(policy, training, context)
    aside = as_rows(policy, held_out[:MEASURED_ON], context)
    tokens = sum(map(len, rows))
    say(f"{tokens:,} tokens an epoch")
    perplexities = [perplexity(policy, aside, recipe)]
    optimizer = _optimizer(policy, lr, recipe.weight_decay)
    order = random.Random(recipe.seed)
    total = recipe.epochs * math.ceil(len(rows) / recipe.batch)
    step, training_since = 0, time.monotonic()
    for epoch in range(recipe.epochs):
        for batch in batches_of(rows, recipe.batch, order):
            loss = _step(policy, batch, optimizer, lr * schedule(step, total, recipe.warmup), recipe.autocast)
            step += 1
            if step % 50 == 0:
                left = (time.monotonic() - training_since) / step * (total - step)
                say(f"step {step} of {total}, loss {loss:.3f}, {left / 60:.1f} minutes left")
        perplexities.append(perplexity(policy, aside, recipe))
        say(f"epoch {epoch + 1} of {recipe.epochs}: held-out perplexity {perplexities[-1]:.2f}")
    policy.model.eval()
    words = sum(len(text.split()) for text in held_out[:MEASURED_ON])
    return Fit(tokens, tuple(perplexities), sum(map(len, aside)) / max(1, words), time.monotonic() - start)


def as_rows(policy: Policy, texts: Sequence[str], context: int) -> list[Row]:
    """Each text and an end token from position 0, as a query will be; what is longer goes on in further rows."""
    end = policy.model.config.eos_token_id
    ends = end if isinstance(end, list) else [end]
    rows: list[Row] = []
    for text in texts:
        ids = [*policy.tokenizer.encode(text), *ends[:1]]
        rows += [ids[i : i + context] for i in range(0, len(ids), context)]
    return [row for row in rows if len(row) > 1]


def batches_of(rows: Sequence[Row], size: int, order: random.Random) -> list[list[Row]]:
    """All rows in batches of `size`, at random, but rows of like length together: less padding to compute on."""
    rows = list(rows)
    order.shuffle(rows)
    pool = size * BATCHES_A_POOL
    batches = []
    for first in range(0, len(rows), pool):
        alike = sorted(rows[first : first + pool], key=len)
        batches += [alike[i : i + size] for i in range(0, len(alike), size)]
    order.shuffle(batches)
    return batches


def schedule(step: int, total: int, warmup: int) -> float:
    """The share of lr at a step: rising to 1 over `warmup` steps, then a cosine down to a tenth."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


@torch.no_grad()
def perplexity(policy: Policy, rows: Sequence[Row], recipe: Recipe) -> float:
    """exp of the mean cross-entropy a token; the first token of a row is given, not guessed."""
    policy.model.eval()
    rows = sorted(rows, key=len)
    total = sum(
        _loss(policy, rows[i : i + recipe.batch], recipe.autocast, "sum").item()
        for i in range(0, len(rows), recipe.batch)
    )
    return math.exp(total / max(1, sum(len(row) - 1 for row in rows)))


def _optimizer(policy: Policy, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW; biases and norms do not decay."""
    parameters = list(policy.model.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=lr,
        betas=BETAS,
        fused=True,
    )


def _step(policy: Policy, batch: Sequence[Row], optimizer: torch.optim.Optimizer, lr: float, autocast: bool) -> float:
    policy.model.train()
    for group in optimizer.param_groups:
        group["lr"] = lr
    loss = _loss(policy, batch, autocast)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _loss(policy: Policy, rows: Sequence[Row], autocast: bool, reduction: str = "mean") -> Tensor:
    """Next-token cross-entropy of a batch of rows. Padding, on the right, is seen by no other token and not counted."""
    length = max(map(len, rows))
    tokens = torch.zeros((len(rows), length), dtype=torch.long)
    target = torch.full((len(rows), length), IGNORE)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = target[i, : len(row)] = torch.tensor(row)
    tokens, target = tokens.to(policy.device), target.to(policy.device)
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=autocast):
        hidden = policy.trunk(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
        logits = policy.logits(hidden)  # (B, L - 1, V)
    return F.cross_entropy(
        logits.flatten(0, 1).float(), target[:, 1:].flatten(), ignore_index=IGNORE, reduction=reduction
    )
