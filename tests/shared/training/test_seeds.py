import torch

from shared.training.seeds import generator, is_evaluation, is_held_out, is_overlapped, seed_of


def test_a_seed_is_the_same_on_every_machine() -> None:
    # printf 1:sample:0 | sha256sum: the first eight bytes, shifted right by one bit
    assert seed_of(1, "sample", 0) == 0x9DF28B387935FE15 >> 1
    assert seed_of(1, "sample", 0) != seed_of(1, "sample", 1)


def test_generators_of_one_name_agree() -> None:
    cpu = torch.device("cpu")
    one, two = (torch.rand(3, generator=generator(cpu, 7, "draw")) for _ in range(2))
    assert torch.equal(one, two)


def test_the_held_out_share_is_kept() -> None:
    aside = [p for p in range(10_000) if is_held_out(p, seed=1, share=0.15)]
    assert 1_350 < len(aside) < 1_650
    assert aside != [p for p in range(10_000) if is_held_out(p, seed=2, share=0.15)]
    assert not any(is_held_out(p, seed=1, share=0.0) for p in range(100))


def test_which_query_is_which_is_drawn_apart() -> None:
    """Overlapped, evaluation and held-out queries: each share is kept, and one says nothing of another."""
    overlapped, evaluation, held_out = (
        {p for p in range(40_000) if chosen(p, seed=1, share=0.05)}
        for chosen in (is_overlapped, is_evaluation, is_held_out)
    )
    for one, other in ((overlapped, evaluation), (evaluation, held_out), (held_out, overlapped)):
        assert 1_800 < len(one) < 2_200
        assert 60 < len(one & other) < 140  # 40,000 * 0.05²
