"""The policy on real, tiny GPT-2 and Llama models."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from shared.algorithms.logprobs import logprobs_of
from shared.domain import LoopError
from shared.language import generation
from shared.language.generation import Sampled, draw, sample, sample_with_logprobs
from shared.language.policy import Policy, import_policy, load_policy, save_policy
from shared.language.tokens import left_pad
from tests.models import STORIES, tiny_model

ARCHITECTURES = pytest.mark.parametrize("architecture", ["gpt2", "llama"])


def batch(policy: Policy, length: int = 24) -> tuple[Tensor, Tensor]:
    rows = [policy.tokenizer.encode(story)[: 6 + 4 * i] for i, story in enumerate(STORIES)]
    return left_pad(rows, pad_id=policy.tokenizer.pad_id, length=length)


@ARCHITECTURES
def test_the_pad_token_is_not_eos_and_never_has_probability(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    assert policy.tokenizer.pad_id != policy.model.config.eos_token_id
    query, mask = batch(policy)
    logits = policy(query, mask, query[:, None, :5]).logits
    assert torch.isneginf(logits[..., policy.tokenizer.pad_id]).all()
    assert torch.isfinite(logits.softmax(-1)).all()


@ARCHITECTURES
@torch.no_grad()
def test_padding_on_the_left_changes_nothing(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    rows = [policy.tokenizer.encode(story)[: 6 + 4 * i] for i, story in enumerate(STORIES)]
    query, mask = left_pad(rows, pad_id=policy.tokenizer.pad_id, length=30)
    response = torch.randint(0, 250, (len(rows), 2, 7), generator=torch.Generator().manual_seed(0))
    padded = policy(query, mask, response)
    for i, row in enumerate(rows):
        alone = policy(*left_pad([row], pad_id=policy.tokenizer.pad_id, length=len(row)), response[i : i + 1])
        finite = torch.isfinite(alone.logits)
        torch.testing.assert_close(padded.logits[i : i + 1][finite], alone.logits[finite], atol=1e-4, rtol=1e-4)


@ARCHITECTURES
@torch.no_grad()
def test_logits_stand_where_the_model_knows_only_what_came_before(architecture: str) -> None:
    """Position t agrees with a plain forward pass of the whole model over query + response[:t]."""
    policy = import_policy(str(tiny_model(architecture)))
    row = list(policy.tokenizer.encode(STORIES[0]))[:9]
    response = torch.tensor([[[5, 90, 17]]])
    out = policy(*left_pad([row], pad_id=policy.tokenizer.pad_id, length=9), response)
    for t in range(3):
        plain = policy.model(input_ids=torch.tensor([row + response[0, 0, :t].tolist()])).logits[0, -1]
        plain[policy.tokenizer.pad_id] = -torch.inf
        torch.testing.assert_close(out.logits[0, 0, t], plain, atol=1e-4, rtol=1e-4)


def test_the_value_head_starts_at_zero() -> None:
    policy = import_policy(str(tiny_model()))
    query, mask = batch(policy)
    assert (policy(query, mask, query[:, None, :4]).values == 0).all()


@ARCHITECTURES
@pytest.mark.parametrize(("autocast", "tolerance"), [(False, 1e-4), (True, 0.05)])
@torch.no_grad()
def test_sampling_and_training_agree_on_logprobs(architecture: str, autocast: bool, tolerance: float) -> None:
    """Each token, given its forerunners through the cache, is as likely as the forward pass that trains says."""
    policy = import_policy(str(tiny_model(architecture)))
    policy.autocast = autocast
    query, mask = batch(policy)
    drawn = sample_with_logprobs(
        policy, query, mask, length=8, temperature=0.7, generator=torch.Generator().manual_seed(3), repeat=3
    )
    trained, _ = policy.logprobs(query, mask, drawn.response, 0.7)
    torch.testing.assert_close(drawn.logprobs, trained, atol=tolerance, rtol=tolerance)
    assert {p.dtype for p in policy.parameters()} == {torch.float32}


@ARCHITECTURES
def test_weights_cast_once_sample_what_weights_cast_at_every_step_do(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    policy.autocast = True

    def run() -> Sampled:
        draws = torch.Generator().manual_seed(3)
        return sample_with_logprobs(policy, *batch(policy), length=8, temperature=0.7, generator=draws, repeat=2)

    once = run()
    monkeypatch.setattr(generation, "half_linears", lambda *_, **__: nullcontext())
    every_step = run()
    assert torch.equal(once.response, every_step.response)
    assert torch.equal(once.logprobs, every_step.logprobs)


@ARCHITECTURES
def test_logprobs_are_those_of_the_logits_and_train_every_parameter_alike(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    query, mask = batch(policy)
    response = torch.randint(0, 250, (len(query), 2, 6), generator=torch.Generator().manual_seed(0))
    found, values = policy.logprobs(query, mask, response, 0.7)
    out = policy(query, mask, response)
    expected = logprobs_of(out.logits, response, 0.7)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(values, out.values)
    for one, two in zip(_gradients(policy, found), _gradients(policy, expected), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-3)


def _gradients(policy: Policy, logprobs: Tensor) -> list[Tensor]:
    weight = torch.linspace(-1, 1, logprobs.numel()).view_as(logprobs)
    return list(torch.autograd.grad((weight * logprobs).sum(), list(policy.model.parameters())))


def test_the_same_seed_samples_the_same_and_another_does_not() -> None:
    policy = import_policy(str(tiny_model()))
    query, mask = batch(policy)

    def run(seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        return sample(policy, query, mask, length=8, temperature=0.7, generator=draws)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


@pytest.mark.parametrize("bound", ["max_position_embeddings", "sliding_window"])
def test_what_a_model_cannot_see_at_once_is_refused(bound: str) -> None:
    policy = import_policy(str(tiny_model("llama")))
    setattr(policy.model.config, bound, 31)
    query, mask = batch(policy)  # 24 tokens
    draws = torch.Generator().manual_seed(0)
    assert sample(policy, query, mask, length=7, temperature=0.7, generator=draws).shape[-1] == 7
    with pytest.raises(LoopError, match="more than the 31 tokens"):
        sample(policy, query, mask, length=8, temperature=0.7, generator=draws)


def test_repeat_answers_each_query_several_times_in_its_own_rows() -> None:
    policy = import_policy(str(tiny_model()))
    query, mask = batch(policy)
    cold = 1e-3  # so cold that every answer is the most likely one: rows of one query agree, and equal a single answer
    single = sample(policy, query, mask, length=6, temperature=cold, generator=torch.Generator().manual_seed(0))
    several = sample(
        policy, query, mask, length=6, temperature=cold, generator=torch.Generator().manual_seed(0), repeat=3
    )
    assert torch.equal(several, single.repeat(1, 3, 1))


def test_draw_follows_the_distribution() -> None:
    logits = torch.tensor([0.5, 0.25, 0.25, 0.0]).log().expand(20_000, 4)
    token, logprob = draw(logits, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(logprob, logits.gather(1, token[:, None])[:, 0])
    counts = token.bincount(minlength=4) / 20_000
    assert counts[3] == 0
    torch.testing.assert_close(counts[:3], torch.tensor([0.5, 0.25, 0.25]), atol=0.015, rtol=0)


@ARCHITECTURES
def test_what_is_saved_is_loaded_bit_for_bit(architecture: str, tmp_path: Path) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    torch.nn.init.normal_(policy.value_head.weight)
    save_policy(policy, tmp_path)
    again = load_policy(tmp_path)
    for (name, one), (_, two) in zip(policy.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(one, two), name
    assert again.tokenizer.encode(STORIES[0]) == policy.tokenizer.encode(STORIES[0])
    assert {path.suffix for path in tmp_path.iterdir()} <= {".safetensors", ".json", ".jinja", ".txt"}
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    for (name, one), (_, two) in zip(policy.model.named_parameters(), plain.named_parameters(), strict=True):
        assert torch.equal(one, two), name


def test_dropout_is_off_whatever_the_model_was_trained_with() -> None:
    policy = import_policy(str(tiny_model())).train()
    assert json.loads((tiny_model() / "config.json").read_text())["resid_pdrop"] > 0
    query, mask = batch(policy)
    assert torch.equal(policy(query, mask, query[:, None, :4]).logits, policy(query, mask, query[:, None, :4]).logits)


def test_a_model_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match=str(tmp_path)):
        import_policy(str(tmp_path))


def test_a_nul_that_a_policy_writes_can_be_stored() -> None:
    tokenizer = import_policy(str(tiny_model())).tokenizer
    assert tokenizer.decode(tokenizer.encode("a\0b")) == "a\ufffdb"


def test_a_truncate_token_must_be_one_token() -> None:
    tokenizer = import_policy(str(tiny_model())).tokenizer
    assert tokenizer.decode([tokenizer.token_id(".")]) == "."
    with pytest.raises(LoopError, match="xqz"):
        tokenizer.token_id("xqz")


@pytest.mark.parametrize("row", [[], [1, 2, 3]])
def test_left_pad_refuses_what_does_not_fit(row: list[int]) -> None:
    with pytest.raises(ValueError, match="at least 1 and at most 2"):
        left_pad([row], pad_id=0, length=2)
