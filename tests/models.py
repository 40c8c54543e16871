"""Tiny real models for tests: a GPT-2 and a Llama with a byte-pair vocabulary of their own, saved as folders."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

STORIES = [
    "The old dog was happy. He ran to the river and played all day.",
    "A sad king sat alone in the cold. He had lost his crown.",
    "She smiled at the warm sun. It was a lovely morning for a walk.",
    "The wolf was angry and hungry. Nobody wanted to help him.",
    "Two brothers built a boat. They sailed it over the sea and came home.",
]


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE of 300 tokens, with an end token and, like many real ones, no pad token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(STORIES, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", bos_token="<|end|>")


@cache
def tiny_model(architecture: str = "gpt2", seed: int = 0) -> Path:
    """A folder with a randomly initialised model of two layers, d = 32. Read it, do not write into it."""
    tokens = tokenizer()
    torch.manual_seed(seed)
    model: PreTrainedModel
    if architecture == "gpt2":
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokens), n_positions=64, n_embd=32, n_layer=2, n_head=2,
                bos_token_id=tokens.bos_token_id, eos_token_id=tokens.eos_token_id,
            )
        )  # fmt: skip
    else:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
                bos_token_id=tokens.bos_token_id, eos_token_id=tokens.eos_token_id,
            )
        )  # fmt: skip
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and "wpe" not in name:
            torch.nn.init.normal_(parameter, std=0.2)  # the default 0.02 leaves every distribution nearly uniform
    folder = Path(mkdtemp(prefix="tiny-"))
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
