"""The counting, against numbers worked out by hand."""

import pytest
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from benchmarks.flops import Size, Tokens, ppo_step, reward_step, sampling, size_of

SIZE = Size(trunk=10, head=100, total=110)
ONE = Tokens(queries=4, query=5, responses=1, response=3)
PACKED = Tokens(queries=1, query=5, responses=4, response=3)


def test_gpt2_by_hand() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=11, n_positions=7, n_embd=4, n_layer=2, n_head=2))
    # a layer: two norms 2 * 8, attention 4 * 12 + 12 and 4 * 4 + 4, MLP 4 * 16 + 16 and 16 * 4 + 4; the last norm 8
    trunk = 2 * (16 + 60 + 20 + 80 + 68) + 8
    assert size_of(model) == Size(trunk=trunk, head=44, total=trunk + 11 * 4 + 7 * 4)


@pytest.mark.parametrize("tied", [True, False])
def test_llama_by_hand(tied: bool) -> None:
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=11,
            hidden_size=4,
            intermediate_size=6,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            tie_word_embeddings=tied,
        )
    )
    # a layer: four projections of 16, three MLP matrices of 24, two norms of 4; the last norm 4
    trunk = 2 * (64 + 72 + 8) + 4
    assert size_of(model) == Size(trunk=trunk, head=44, total=trunk + (44 if tied else 88))


def test_sampling_reads_each_token_once() -> None:
    # 4 * (5 + 2) = 28 tokens through the trunk, 12 through the head
    assert sampling(SIZE, ONE) == 2 * (28 * 10 + 12 * 100)


def test_a_shared_query_is_read_once() -> None:
    # 5 + 4 * 2 = 13 tokens through the trunk, the same 12 through the head
    assert sampling(SIZE, PACKED) == 2 * (13 * 10 + 12 * 100)


def test_ppo_step() -> None:
    # reading 2960: once to sample, once by ρ, three times in each of two epochs; r reads 4 * (5 + 3) = 32 tokens: 640
    assert ppo_step(SIZE, ONE, epochs=2) == (1 + 1 + 6) * 2960 + 640


def test_reward_step() -> None:
    # packed: 5 + 12 = 17 tokens, forward and backward
    assert reward_step(SIZE, PACKED) == 3 * 2 * 17 * 10
