import pytest
import torch

from services.cli.experiment.known import KnownReward, train_with_known_reward
from services.cli.known_reward import known_reward
from shared.domain import LoopError
from shared.language.policy import Policy, import_policy
from shared.settings import ModelSettings, RewardSettings, Settings
from shared.training.machine import prepare
from tests.models import tiny_model

CPU = torch.device("cpu")
TEXTS = [[" He was happy.", " She was sad and cried."], [" It rained.", " They loved the warm sun!"]]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return import_policy("embedded")


def test_it_scores_the_text_that_is_there(policy: Policy) -> None:
    reward = KnownReward(policy.tokenizer, CPU)
    reward.gain, reward.bias = torch.tensor(2.0), torch.tensor(0.5)
    response = torch.full((2, 2, 16), policy.tokenizer.token_id("."))
    length = torch.zeros((2, 2), dtype=torch.long)
    for b, row in enumerate(TEXTS):
        for n, text in enumerate(row):
            tokens = policy.tokenizer.encode(text)
            response[b, n, : len(tokens)] = torch.tensor(tokens)
            length[b, n] = len(tokens)
    query = torch.zeros((2, 4), dtype=torch.long)
    score = reward.score(query, query > 0, response, length)
    assert score.tolist() == [[pytest.approx(2 * known_reward(text) + 0.5) for text in row] for row in TEXTS]


def test_a_model_that_says_nothing_of_sentiment_is_refused() -> None:
    model = ModelSettings(ref_policy=str(tiny_model()))
    settings = Settings(model=model, reward=RewardSettings(normalize_samples=4))
    with pytest.raises(LoopError, match=r"the known reward cannot tell what .* says apart"):
        train_with_known_reward(settings, prepare(settings.model), on_segment=lambda *_: None, on_batch=lambda *_: None)
