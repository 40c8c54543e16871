import pytest

from services.cli.known_reward import choose, known_reward, rate


def test_compound_of_one_word_is_computed_by_hand() -> None:
    # valence of "good" in the lexicon is 1.9; compound = x / sqrt(x² + 15) = 1.9 / sqrt(18.61) = 0.4404
    assert known_reward("The bread was good") == pytest.approx(1.9 / (1.9**2 + 15) ** 0.5, abs=5e-5)


def test_order_of_sentences_is_what_a_person_would_say() -> None:
    texts = ["She hated the terrible, ugly rain.", "She saw the rain.", "She loved the wonderful, happy rain."]
    worst, plain, best = map(known_reward, texts)
    assert worst < plain == 0 < best
    assert choose(texts) == 2


def test_negation_turns_it_round() -> None:
    assert known_reward("It was not good.") < 0 < known_reward("It was good.")


def test_ties_go_by_text_and_not_by_position() -> None:
    one, other = "He went home.", "A cart stood there."
    assert choose([one, other]) == 1
    assert choose([other, one]) == 0


def test_ratings_cut_the_known_reward_into_equal_parts() -> None:
    # 7 parts of [-1, 1], each 2/7 wide: 0 lies in the middle one, 0.4404 in the one from 3/7 on
    assert rate("She saw the rain.", levels=7) == 4
    assert rate("The bread was good", levels=7) == 6
    assert rate("She loved the wonderful, happy, lovely, great, delightful day!!!", levels=7) == 7
    assert rate("She hated the terrible, ugly, sad, awful, horrible day!!!", levels=7) == 1
    assert [rate("The bread was good", levels=levels) for levels in (2, 3)] == [2, 3]
