"""Pretraining: text in, policy out; or on from an existing policy: the supervised fine-tuning that precedes RL."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from shared.domain import LoopError
from shared.language.gpt2 import new_gpt2, train_bpe
from shared.language.policy import Policy, import_policy
from shared.language.tokens import Tokenizer
from shared.settings import TaskSettings
from shared.training.corpus import Corpus, load_corpus
from shared.training.model_card import Figures, leave
from shared.training.recipe import NEW_LR, TUNING_LR, Recipe
from shared.training.supervised import fit


def run(
    texts: Sequence[Path],
    out: Path,
    *,
    from_policy: str | None = None,
    recipe: Recipe | None = None,
    task: TaskSettings | None = None,
    about: str = "Origin and licence of the texts were not given.",
    say: Callable[[str], None] = print,
) -> Figures:
    """Train on the files `texts` and leave a policy in the new folder `out`, with openings, figures and a card.

    `from_policy`: what `import_policy` opens. `about`: a sentence or two for the card: where the texts come from, under
    which licence. `say` is told of the progress. The task says which queries and responses the policy is measured on.
    Raises LoopError for text that cannot be read or is too little, an unreadable policy, or an `out` that is not empty.
    """
    recipe, task = recipe or Recipe(), task or TaskSettings()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LoopError(f"{out} is there already; name a new folder")  # said now, not after the training
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    corpus = load_corpus(texts, held_out=recipe.held_out, seed=recipe.seed)
    say(f"{corpus.read} texts, {len(corpus.training)} to learn from, {len(corpus.held_out)} held out")
    policy = import_policy(from_policy) if from_policy else _new_policy(corpus, recipe)
    say(f"{sum(p.numel() for p in policy.model.parameters()):,} parameters")
    lr = recipe.lr or (TUNING_LR if from_policy else NEW_LR)
    fitted = fit(policy, corpus.training, corpus.held_out, recipe=recipe, lr=lr, say=say)
    figures = leave(policy, corpus, fitted, out, recipe=recipe, task=task, from_policy=from_policy, about=about)
    say(f"{out}: held-out perplexity {figures.perplexity:.2f}, {figures.valid:.0%} of continuations end properly")
    return figures


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
