"""What both sides are given: models of a shape, with random weights, and the sizes of a batch.

Imports neither prefloop nor TRL, for it is read in both environments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedConfig, PreTrainedTokenizerFast

QUERY = 64  # tokens, all present
RESPONSE = 24  # tokens, all of them always
EPOCHS = 4
TEMPERATURE = 0.7
LEARNING_RATE = 3e-6
RESPONSES = 4  # of one query, to the sampler and in a label
SAMPLER_QUERIES = 32
REWARD_QUERIES = 8  # a step: 32 sequences, or 16 pairs
REWARD_STEPS = 4  # timed as one
TRUNCATE, END, PAD = ".", "<|end|>", "<|pad|>"


@dataclass(frozen=True, slots=True)
class Shape:
    """`batch` is of episodes."""

    name: str
    vocabulary: int
    batch: int
    new_config: Callable[[], PreTrainedConfig]

    def config(self) -> PreTrainedConfig:
        config = self.new_config()
        config.eos_token_id, config.pad_token_id = self.vocabulary - 2, self.vocabulary - 1
        return config


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("llama-24m", 32_000, 32, lambda: _llama(vocabulary=32_000, d=384, layers=6, heads=6, inner=1152)),
        Shape("gpt2-124m", 50_257, 8, GPT2Config),
        Shape("llama-1.3m", 4_096, 32, lambda: _llama(vocabulary=4_096, d=128, layers=4, heads=4, inner=352)),
    )
}


def new_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """A word a token: there has to be one, and no text is read."""
    words = [TRUNCATE, "a", *(f"w{i}" for i in range(vocabulary - 4)), END, PAD]
    table = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="a"))
    return PreTrainedTokenizerFast(tokenizer_object=table, eos_token=END, pad_token=PAD)


def random_rows(shape: Shape, n: int, length: int) -> torch.Tensor:
    """(n, length) ids, none of them the end or the pad token."""
    return torch.randint(shape.vocabulary - 2, (n, length), generator=torch.Generator().manual_seed(1))


def save_model(shape: Shape, folder: Path) -> None:
    """A causal language model of the shape with random weights, and its tokenizer."""
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(shape.config()).save_pretrained(folder)
    new_tokenizer(shape.vocabulary).save_pretrained(folder)


def _llama(*, vocabulary: int, d: int, layers: int, heads: int, inner: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=d,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )
