"""Pretraining: text in, policy out. With `from_policy` it goes on with an existing one: supervised fine-tuning before RL."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from shared.language.gpt2 import new_gpt2, train_bpe
from shared.language.policy import Policy, import_policy
from shared.language.tokens import Tokenizer
from shared.training.corpus import Corpus, load_corpus

IGNORE = -100
BETAS = (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the outcome beside the text. `context` in tokens; `lr` warms up, then falls by a cosine to a tenth."""

    vocab_size: int = 2048
    context: int = 160
    d: int = 256
    layers: int = 4
    heads: int = 8
    dropout: float = 0.0
    epochs: int = 6
    batch: int = 48
    lr: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.1
    held_out: int = 3000
    seed: int = 1
    threads: int = 2
    autocast: bool = True


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The policy, the text it was made from, and its perplexity per token on the held-out text after each epoch."""

    policy: Policy
    corpus: Corpus
    parameters: int
    training_tokens: int
    perplexities: list[float]
    seconds: float


def pretrain(
    files: Sequence[Path],
    recipe: Recipe,
    *,
    from_policy: str | None = None,
    say: Callable[[str], None] = print,
) -> Pretrained:
    """Train on the texts of `files` (see `load_corpus` for their form). `say` is told of the progress.

    Raises LoopError for text that cannot be read or is too little.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    start = time.monotonic()
    corpus = load_corpus(files, held_out=recipe.held_out, seed=recipe.seed)
    say(f"{corpus.read} texts, {len(corpus.training)} to learn from, {len(corpus.held_out)} held out")
    policy = import_policy(from_policy) if from_policy else _new_policy(corpus, recipe)
    end = policy.model.config.eos_token_id
    rows = _rows(policy, corpus.training, recipe.context, end)
    aside = _rows(policy, corpus.held_out[:1000], recipe.context, end)
    parameters = sum(p.numel() for p in policy.model.parameters())
    tokens = sum(map(len, rows))
    say(f"{parameters:,} parameters, {tokens:,} tokens an epoch")
    perplexities = _train(policy, rows, aside, recipe, say)
    return Pretrained(policy, corpus, parameters, tokens, perplexities, time.monotonic() - start)


def _new_policy(corpus: Corpus, recipe: Recipe) -> Policy:
    tokenizer = train_bpe(corpus.training, vocab_size=recipe.vocab_size)
    model = new_gpt2(
        tokenizer,
        context=recipe.context,
        d=recipe.d,
        layers=recipe.layers,
        heads=recipe.heads,
        dropout=recipe.dropout,
    )
    return Policy(model, Tokenizer(tokenizer))


def _rows(policy: Policy, texts: Sequence[str], context: int, end: int) -> list[list[int]]:
    """Each text a row of its own from position 0, as a query will be; longer ones go on in further rows."""
    rows = []
    for text in texts:
        ids = [*policy.tokenizer.encode(text), end]
        rows += [ids[i : i + context] for i in range(0, len(ids), context)]
    return [row for row in rows if len(row) > 1]


def _train(
    policy: Policy, rows: list[list[int]], aside: list[list[int]], recipe: Recipe, say: Callable[[str], None]
) -> list[float]:
    model = policy.model.train()
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=recipe.lr,
        betas=BETAS,
        fused=True,
    )
    order = random.Random(recipe.seed)
    steps_an_epoch = math.ceil(len(rows) / recipe.batch)
    total = recipe.epochs * steps_an_epoch
    step, perplexities, start = 0, [], time.monotonic()
    for epoch in range(recipe.epochs):
        order.shuffle(rows)
        for first in range(0, len(rows), recipe.batch):
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * _schedule(step, total, recipe.warmup)
            loss = _loss(policy, rows[first : first + recipe.batch], recipe.autocast)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % 50 == 0:
                left = (time.monotonic() - start) / step * (total - step)
                say(f"step {step} of {total}, loss {loss.item():.3f}, {left / 60:.1f} minutes left")
        perplexities.append(_perplexity(policy, aside, recipe))
        say(f"epoch {epoch + 1} of {recipe.epochs}: held-out perplexity {perplexities[-1]:.2f}")
    model.eval()
    return perplexities


def _loss(policy: Policy, rows: Sequence[Sequence[int]], autocast: bool, reduction: str = "mean") -> Tensor:
    """Next-token cross-entropy; padding on the right is not counted."""
    length = max(map(len, rows))
    tokens = torch.full((len(rows), length), policy.tokenizer.pad_id)
    target = torch.full((len(rows), length), IGNORE)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = target[i, : len(row)] = torch.tensor(row)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = policy.model(input_ids=tokens[:, :-1]).logits
    return F.cross_entropy(logits.flatten(0, 1).float(), target[:, 1:].flatten(), ignore_index=IGNORE, reduction=reduction)


@torch.no_grad()
def _perplexity(policy: Policy, rows: Sequence[Sequence[int]], recipe: Recipe) -> float:
    policy.model.eval()
    total = sum(
        _loss(policy, rows[i : i + recipe.batch], recipe.autocast, "sum").item() for i in range(0, len(rows), recipe.batch)
    )
    policy.model.train()
    return math.exp(total / sum(len(row) - 1 for row in rows))


def _schedule(step: int, total: int, warmup: int) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
