"""Attention by plain products against PyTorch's fused one, on both the masks that there are."""

import pytest
import torch
from torch import Tensor, nn

from shared.language.attention import NAME, attention
from shared.language.policy import import_policy
from tests.models import tiny_model

B, H, L, D = 2, 4, 9, 8


def mask(rows: int) -> Tensor:
    seen = torch.ones(B, 1, rows, L, dtype=torch.bool).tril(L - rows)
    seen[1, :, :, :3] = False  # three pad tokens on the left
    return seen


@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("rows", [L, 1])
def test_products_give_what_the_fused_kernel_gives(groups: int, rows: int) -> None:
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(B, H, rows, D, generator=draw)
    key, value = torch.randn(2, B, groups, L, D, generator=draw)
    module = nn.Module()
    module.num_key_value_groups = H // groups  # type: ignore[assignment]  # where transformers looks
    for seen in (mask(rows), None) if rows == L else (mask(rows),):
        exact, _ = attention(module, query, key, value, seen, is_causal=seen is None)
        half, _ = attention(module, query.bfloat16(), key.bfloat16(), value.bfloat16(), seen)
        present = slice(3, None) if rows == L else slice(None)  # what a pad token sees, nobody reads
        torch.testing.assert_close(half.float()[:, present], exact[:, present], atol=0.05, rtol=0.05)
        assert half.isfinite().all()


def test_what_products_do_not_do_is_left_to_the_fused_kernel_which_refuses_it() -> None:
    query, key, value = torch.randn(3, B, H, L, D, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="softcap"):
        attention(nn.Module(), query, key, value, mask(L), softcap=30.0)


def test_models_attend_by_it() -> None:
    for architecture in ("gpt2", "llama"):
        assert import_policy(str(tiny_model(architecture))).model.config._attn_implementation == NAME
