import torch

from shared.training.seeds import generator, is_held_out, seed_of


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
