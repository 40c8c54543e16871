"""Queries answered by tiny models: which policy wrote what, how many people shall answer, what is passed over."""

from dataclasses import dataclass, replace
from statistics import fmean

import torch

from shared.domain import NewQuery
from shared.language.policy import Policy, import_policy
from shared.settings import LabelSettings, SamplerSettings, TaskSettings
from shared.tasks.task import Query
from shared.training import batches
from shared.training.sampling import sample_queries
from shared.training.seeds import is_evaluation, is_overlapped
from tests.models import STORIES, tiny_model

# The truncate token is one that both models say now and then.
TASK = TaskSettings(query_tokens=32, response_tokens=12, truncate_token="\x1c", truncate_after=4)
COUNT = 12
EVERY_OTHER = LabelSettings(evaluation_share=0.5, overlap_share=0.5, overlap=3)


@dataclass(frozen=True, slots=True)
class Stories:
    """A query a story; π and ρ read `prefix` before it."""

    queries: tuple[Query, ...]
    prefix: tuple[int, ...] = ()
    context_tokens: int = 48

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        return self.prefix + tokens

    def query(self, position: int) -> Query:
        return self.queries[position % len(self.queries)]

    def evaluation(self, n: int) -> list[Query]:
        return list(self.queries[:n])


def model(seed: int) -> Policy:
    return import_policy(str(tiny_model("gpt2", seed))).eval().requires_grad_(False)


def stories(policy: Policy) -> Stories:
    openings = [text.partition(". ")[0] + "." for text in STORIES]
    return Stories(tuple(Query(text, policy.tokenizer.encode(text)) for text in openings))


def sampled(
    policy: Policy,
    ref_policy: Policy | None,
    *,
    first: int = 0,
    version: int = 3,
    settings: TaskSettings = TASK,
    labels: LabelSettings = EVERY_OTHER,
    task: Stories | None = None,
) -> list[NewQuery]:
    return sample_queries(
        policy,
        ref_policy,
        task or stories(policy),
        first=first,
        count=COUNT,
        policy_version=version,
        settings=settings,
        sampler=SamplerSettings(rounds=80),
        labels=labels,
        seed=1,
    )


def logprob(policy: Policy, query: NewQuery, response: tuple[int, ...]) -> float:
    """log p(y|x), nats."""
    tokens, mask = batches.queries([query.tokens], pad_id=0, length=TASK.query_tokens, device=policy.device)
    logprobs, _ = policy.logprobs(tokens, mask, torch.tensor([[response]]), TASK.temperature)
    return float(logprobs.sum())


def test_of_an_evaluation_query_each_policy_writes_half_and_of_others_the_policy_all() -> None:
    policy, ref_policy = model(2), model(0)
    found = sampled(policy, ref_policy)
    assert [query.position for query in found] == list(range(COUNT))
    orders = set()
    ratios: dict[int | None, list[float]] = {0: [], 3: []}
    for query in found:
        versions = [response.policy_version or 0 for response in query.responses]
        evaluation = is_evaluation(query.position, seed=1, share=0.5)
        assert sorted(versions) == ([0, 0, 3, 3] if evaluation else [3, 3, 3, 3])
        orders |= {tuple(versions)} if evaluation else set()
        for response in query.responses:
            ratio = logprob(policy, query, response.tokens) - logprob(ref_policy, query, response.tokens)
            ratios[response.policy_version].append(ratio)
    assert len(orders) > 2
    assert fmean(ratios[3]) > 2  # who is said to have written it is who finds it likelier, by nats
    assert fmean(ratios[0]) < -2


def test_an_odd_response_is_the_policys() -> None:
    settings = TASK.model_copy(update={"responses": 3})
    found = sampled(model(2), model(0), settings=settings, labels=LabelSettings(evaluation_share=1))
    assert {tuple(sorted(y.policy_version or 0 for y in query.responses)) for query in found} == {(0, 3, 3)}


def test_the_same_queries_again_and_others_elsewhere() -> None:
    policy, ref_policy = model(2), model(0)
    found = sampled(policy, ref_policy)
    assert found == sampled(policy, ref_policy)
    assert {query.responses for query in found}.isdisjoint(
        query.responses for query in sampled(policy, ref_policy, first=COUNT)
    )


def test_no_evaluation_query_as_long_as_the_policy_is_the_reference() -> None:
    found = sampled(model(0), None, version=0)
    assert {response.policy_version for query in found for response in query.responses} == {0}


def test_several_people_shall_answer_the_overlapped_queries() -> None:
    found = sampled(model(2), None)
    assert {query.wanted for query in found} == {1, 3}
    for query in found:
        assert (query.wanted == 3) == is_overlapped(query.position, seed=1, share=0.5)


def test_a_query_that_one_of_both_cannot_answer_is_passed_over() -> None:
    policy, mute = model(2), model(0)
    with torch.no_grad():  # it only ever says token 7
        weights = dict(mute.model.named_parameters())
        weights["transformer.ln_f.weight"].zero_()
        weights["transformer.ln_f.bias"].copy_(100 * weights["transformer.wte.weight"][7])
    found = sampled(policy, mute)
    assert [query.position for query in found] == [p for p in range(COUNT) if not is_evaluation(p, seed=1, share=0.5)]


def test_policies_read_the_context_and_people_the_query() -> None:
    policy = model(2)
    plain = stories(policy)
    prefix = policy.tokenizer.encode("Article: ")
    found = sampled(policy, model(0), task=replace(plain, prefix=prefix))
    spelled_out = replace(plain, queries=tuple(Query(x.text, prefix + x.tokens) for x in plain.queries))
    for query, other in zip(found, sampled(policy, model(0), task=spelled_out), strict=True):
        assert query.responses == other.responses
        assert prefix + query.tokens == other.tokens
