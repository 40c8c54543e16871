"""The least work a step has to do, in floating point operations.

A forward pass costs 2 a parameter and token in the trunk (Kaplan et al. 2020, section 2.1), embeddings not counted, and
2 a parameter of the language-model head at each position that predicts a response token. Forward and backward are three
forward passes. Left out: attention scores, which depend on the length, value head, norms, softmax, optimiser.
"""

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Size:
    """Parameters of the trunk without embeddings, of the language-model head, and of the model as a whole."""

    trunk: int
    head: int
    total: int

    def forward(self, tokens: int, heads: int) -> int:
        return 2 * (self.trunk * tokens + self.head * heads)


@dataclass(frozen=True, slots=True)
class Tokens:
    """`queries` of Q tokens with N responses of T tokens each; a query is read once for all of its responses."""

    queries: int
    query: int
    responses: int
    response: int

    @property
    def answers(self) -> int:
        """Response tokens."""
        return self.queries * self.responses * self.response

    @property
    def whole(self) -> int:
        """Tokens read to score every response."""
        return self.queries * self.query + self.answers

    @property
    def read(self) -> int:
        """Tokens read to predict every response token; the last one of a response predicts nothing."""
        return self.queries * (self.query + self.responses * (self.response - 1))


def size_of(model: PreTrainedModel) -> Size:
    """A head that shares its weight with the embedding is in neither the trunk nor, twice, in the total."""
    head = model.get_output_embeddings().weight
    embeddings = [module.weight for module in model.modules() if isinstance(module, nn.Embedding)]
    apart = embeddings if any(weight is head for weight in embeddings) else [*embeddings, head]
    total = sum(parameter.numel() for parameter in model.parameters())
    return Size(trunk=total - sum(weight.numel() for weight in apart), head=head.numel(), total=total)


def sampling(size: Size, tokens: Tokens) -> int:
    """Each token read once."""
    return size.forward(tokens.read, tokens.answers)


def ppo_step(size: Size, tokens: Tokens, *, epochs: int) -> int:
    """Sampling, a pass each of ρ and r over what was sampled, and forward and backward of π in every epoch.

    The logprobs and values that the epochs start from are the first epoch's own.
    """
    reading = size.forward(tokens.read, tokens.answers)
    scoring = size.forward(tokens.whole, 0)
    return sampling(size, tokens) + reading + scoring + epochs * 3 * reading


def reward_step(size: Size, tokens: Tokens) -> int:
    """Forward and backward of the trunk over queries and responses."""
    return 3 * size.forward(tokens.whole, 0)
