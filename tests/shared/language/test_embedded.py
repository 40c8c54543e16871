"""The model in the package is what its card and the demo promise."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from shared.algorithms.truncate import truncate
from shared.language.generation import sample
from shared.language.policy import Policy, import_policy
from shared.language.pretrained import EMBEDDED
from shared.language.tokens import left_pad
from shared.settings import TaskSettings
from shared.tasks.registry import load_task
from shared.tasks.task import Task

TASK = TaskSettings()


@pytest.fixture(scope="module")
def policy() -> Policy:
    return import_policy("embedded").requires_grad_(False)


@pytest.fixture(scope="module")
def task(policy: Policy) -> Task:
    return load_task(TASK, policy.tokenizer)


def test_it_is_small_and_plain_data() -> None:
    assert sum(file.stat().st_size for file in EMBEDDED.iterdir()) <= 20_000_000
    assert {file.suffix for file in EMBEDDED.iterdir()} == {".json", ".jsonl", ".md", ".safetensors"}


def test_it_is_a_gpt2_that_transformers_opens() -> None:
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED)
    assert model.config.model_type == "gpt2"
    assert model.config.pad_token_id != model.config.eos_token_id
    assert model.config.resid_pdrop == model.config.embd_pdrop == model.config.attn_pdrop == 0.0


def test_queries_are_enough_and_evaluation_is_apart(task: Task) -> None:
    aside = task.evaluation(10_000)
    assert len(aside) == 512
    asked = [task.query(position) for position in range(2000)]
    assert len({query.text for query in asked}) == 2000
    assert not {query.text for query in asked} & {query.text for query in aside}
    assert all(query.text.endswith(".") and len(query.tokens) <= TASK.query_tokens for query in asked + aside)


def test_continuations_end_properly_as_often_as_the_card_says(policy: Policy, task: Task) -> None:
    rows = [query.tokens for query in task.evaluation(256)]
    query, mask = left_pad(rows, pad_id=policy.tokenizer.pad_id, length=TASK.query_tokens)
    response = sample(
        policy,
        query,
        mask,
        length=TASK.response_tokens,
        temperature=TASK.temperature,
        generator=torch.Generator().manual_seed(1),
    )
    period = policy.tokenizer.token_id(TASK.truncate_token)
    _, valid, _ = truncate(response, token=period, after=TASK.truncate_after, pad=policy.tokenizer.pad_id)
    share = valid.float().mean().item()
    figures = json.loads((EMBEDDED / "figures.json").read_text())
    assert share >= 1 / 3
    # each share has a standard error of about 0.03: further apart than 4 of them, it is another model
    assert share == pytest.approx(figures["valid"], abs=0.12)
    assert f"{figures['valid']:.1%}" in (EMBEDDED / "MODEL_CARD.md").read_text()


def test_it_has_learnt_english(policy: Policy) -> None:
    def mean_logprob(text: str) -> float:
        tokens = torch.tensor([policy.tokenizer.encode(text)])
        query, response = tokens[:, :1], tokens[:, 1:]
        logprobs, _ = policy.logprobs(query, torch.ones_like(query, dtype=torch.bool), response.unsqueeze(1), 1.0)
        return logprobs.mean().item()

    plain = mean_logprob("Once upon a time, there was a little girl who lived in a small village by the sea.")
    mixed = mean_logprob("Sea upon by, village a there small little once was the a in time girl a who lived.")
    assert plain > mixed + 2
