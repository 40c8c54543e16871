"""The reward model on real, tiny GPT-2 and Llama trunks."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shared.language.policy import Policy, import_policy
from shared.language.reward_model import RewardModel, load_reward_model, new_reward_model, save_reward_model
from shared.language.tokens import left_pad
from tests.models import STORIES, tiny_model

ARCHITECTURES = pytest.mark.parametrize("architecture", ["gpt2", "llama"])
QUERY, RESPONSE = 20, 8


@pytest.fixture
def ref_policy(architecture: str) -> Policy:
    return import_policy(str(tiny_model(architecture))).requires_grad_(False)


def batch(policy: Policy) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """query, query_mask, response (5, 2, T), length (5, 2): rows of different length on both sides."""
    pad_id = policy.tokenizer.pad_id
    rows = [policy.tokenizer.encode(story)[: 5 + 3 * i] for i, story in enumerate(STORIES)]
    length = torch.tensor([[8, 2], [3, 8], [1, 1], [5, 4], [8, 7]])
    response = torch.randint(0, 250, (len(rows), 2, RESPONSE), generator=torch.Generator().manual_seed(0))
    response = response.masked_fill(torch.arange(RESPONSE) >= length.unsqueeze(-1), pad_id)
    return *left_pad(rows, pad_id=pad_id, length=QUERY), response, length


@ARCHITECTURES
@torch.no_grad()
def test_the_score_is_read_at_the_last_present_token_whatever_the_padding(ref_policy: Policy) -> None:
    """score = gain * (w . hidden of the last token of query + response alone, without any padding) + bias."""
    model = new_reward_model(ref_policy, seed=1)
    model.gain.fill_(2.0)
    model.bias.fill_(-0.5)
    query, mask, response, length = batch(ref_policy)
    score = model.score(query, mask, response, length)
    for i, j in itertools.product(range(5), range(2)):
        alone = torch.cat([query[i][mask[i]], response[i, j, : length[i, j]]]).unsqueeze(0)
        last = ref_policy.model.base_model(input_ids=alone).last_hidden_state[0, -1]
        expected = 2.0 * (model.head.weight[0] @ last) - 0.5
        torch.testing.assert_close(score[i, j], expected, atol=1e-4, rtol=1e-4)


@ARCHITECTURES
@torch.no_grad()
def test_what_stands_after_the_end_does_not_count(ref_policy: Policy) -> None:
    model = new_reward_model(ref_policy, seed=1)
    query, mask, response, length = batch(ref_policy)
    other = torch.where(torch.arange(RESPONSE) >= length.unsqueeze(-1), 7, response)
    torch.testing.assert_close(model.score(query, mask, response, length), model.score(query, mask, other, length))
    shorter = model.score(query, mask, response, length.clamp(max=3))
    assert (shorter[length > 3] != model.score(query, mask, response, length)[length > 3]).all()


@ARCHITECTURES
def test_training_it_leaves_the_reference_alone(ref_policy: Policy) -> None:
    before = {name: weight.clone() for name, weight in ref_policy.state_dict().items()}
    model = new_reward_model(ref_policy, seed=1)
    model.score(*batch(ref_policy)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in (model.head.weight, model.gain, model.bias))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(before[name], weight) for name, weight in ref_policy.state_dict().items())
    assert not any(p.requires_grad for p in ref_policy.parameters())


@pytest.mark.parametrize("architecture", ["gpt2"])
def test_the_head_comes_from_the_seed_with_the_papers_spread(ref_policy: Policy) -> None:
    def heads(seed: int) -> Tensor:
        return new_reward_model(ref_policy, seed=seed).head.weight.detach()

    assert torch.equal(heads(1), heads(1))
    assert not torch.equal(heads(1), heads(2))
    weights = torch.cat([heads(seed) for seed in range(40)])  # 1,280 draws: the spread is known to about 2 %
    assert weights.std() == pytest.approx((32 + 1) ** -0.5, rel=0.1)
    model = new_reward_model(ref_policy, seed=1)
    assert (model.head.bias.item(), model.gain.item(), model.bias.item()) == (0.0, 1.0, 0.0)


@ARCHITECTURES
def test_what_is_saved_is_loaded_bit_for_bit(ref_policy: Policy, tmp_path: Path) -> None:
    model = new_reward_model(ref_policy, seed=1)
    with torch.no_grad():
        for part in (model.gain, model.bias, model.head.bias):
            part.fill_(0.3)
    save_reward_model(model, tmp_path)
    again: RewardModel = load_reward_model(tmp_path)
    for (name, one), (_, two) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(one, two), name
    assert again.pad_id == model.pad_id
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}
