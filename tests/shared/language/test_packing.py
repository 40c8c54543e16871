"""Four responses behind one shared query: the same numbers and gradients as four rows of their own."""

import pytest
import torch
from torch import Tensor

from shared.language.packing import pack
from shared.language.policy import Policy, import_policy
from shared.language.reward_model import new_reward_model
from shared.language.tokens import left_pad
from tests.models import STORIES, tiny_model

N, T = 4, 7
ARCHITECTURES = pytest.mark.parametrize("architecture", ["gpt2", "llama"])


def batch(policy: Policy) -> tuple[Tensor, Tensor, Tensor]:
    """query, query_mask: rows of 6, 10, 14, ... tokens; response (B, N, T)."""
    rows = [policy.tokenizer.encode(story)[: 6 + 4 * i] for i, story in enumerate(STORIES)]
    response = torch.randint(0, 250, (len(rows), N, T), generator=torch.Generator().manual_seed(0))
    return *left_pad(rows, pad_id=policy.tokenizer.pad_id, length=24), response


def unpacked(query: Tensor, mask: Tensor, response: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A row for each response, with a copy of the query of its own."""
    return query.repeat_interleave(N, 0), mask.repeat_interleave(N, 0), response.flatten(0, 1).unsqueeze(1)


def test_who_sees_whom_by_hand() -> None:
    """A padded query of one token, two responses of two: pad, x, y0 y0', y1 y1'."""
    query, mask = torch.tensor([[0, 7]]), torch.tensor([[False, True]])
    packed = pack(query, mask, torch.tensor([[[1, 2], [3, 4]]]))
    assert packed.tokens.tolist() == [[0, 7, 1, 2, 3, 4]]
    assert packed.position.tolist() == [[0, 0, 1, 2, 1, 2]]
    assert packed.mask[0, 0].long().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 1, 0, 0, 1, 0],
        [0, 1, 0, 0, 1, 1],
    ]


@ARCHITECTURES
def test_the_gradient_of_a_shared_query_is_that_of_four_copies(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    torch.nn.init.normal_(policy.value_head.weight)
    weight = torch.linspace(-1, 1, len(STORIES) * N * T).view(-1, N, T)  # another gradient for every token

    def run(query: Tensor, mask: Tensor, response: Tensor) -> tuple[Tensor, list[Tensor]]:
        logprobs, values = policy.logprobs(query, mask, response, 0.7)
        loss = (weight * (logprobs + values.square()).view_as(weight)).sum()
        return logprobs.detach().flatten(), list(torch.autograd.grad(loss, list(policy.parameters())))

    together, gradients = run(*batch(policy))
    alone, expected = run(*unpacked(*batch(policy)))
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    for one, two in zip(gradients, expected, strict=True):
        assert two.abs().sum() > 0
        torch.testing.assert_close(one, two, atol=2e-3, rtol=1e-3)


@ARCHITECTURES
@torch.no_grad()
def test_scores_of_packed_responses_are_those_of_each_alone(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    model = new_reward_model(policy, seed=1)
    length = torch.arange(len(STORIES) * N).view(-1, N) % T + 1
    together = model.score(*batch(policy), length)
    alone = model.score(*unpacked(*batch(policy)), length.view(-1, 1))
    torch.testing.assert_close(together.flatten(), alone.flatten(), atol=1e-4, rtol=1e-4)


@ARCHITECTURES
@torch.no_grad()
def test_a_response_never_sees_another(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    query, mask, response = batch(policy)
    before, _ = policy.logprobs(query, mask, response, 1.0)
    response[:, 2] = 9
    after, _ = policy.logprobs(query, mask, response, 1.0)
    assert torch.equal(before[:, [0, 1, 3]], after[:, [0, 1, 3]])
    assert not torch.equal(before[:, 2], after[:, 2])
