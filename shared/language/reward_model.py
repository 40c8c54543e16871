"""The reward model r: a copy of ρ's trunk with a scalar head on the last present token."""

import copy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from shared.language.attention import use_attention
from shared.language.packing import pack
from shared.language.policy import Policy

HEAD = "reward_head.safetensors"


class RewardModel(nn.Module):
    """score = gain * head(hidden of the last present token) + bias; gain and bias are trained like the rest."""

    def __init__(self, trunk: PreTrainedModel, *, d: int, pad_id: int) -> None:
        super().__init__()
        use_attention(trunk)
        self.trunk = trunk
        self.pad_id = pad_id
        self.head = nn.Linear(d, 1)
        self.gain = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))
        self.autocast = False

    @property
    def device(self) -> torch.device:
        return self.gain.device

    def score(self, query: Tensor, query_mask: Tensor, response: Tensor, length: Tensor) -> Tensor:
        """query, query_mask (B, Q); response (B, N, T), of which the first length (B, N) tokens are there -> (B, N)."""
        hidden = self.hidden(query, query_mask, response, length)
        score: Tensor = self.gain * self.head(hidden).squeeze(-1) + self.bias
        return score

    def hidden(self, query: Tensor, query_mask: Tensor, response: Tensor, length: Tensor) -> Tensor:
        """What the head reads of the same: the hidden state of the last present token, (B, N, d), float32."""
        B, N, T = response.shape
        packed = pack(query, query_mask, response)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            out = self.trunk(
                input_ids=packed.tokens, attention_mask=packed.mask, position_ids=packed.position, use_cache=False
            )
        start = torch.arange(N, device=length.device) * T + query.shape[1]  # (N,): where each response begins
        row = torch.arange(B, device=length.device).unsqueeze(1)
        hidden: Tensor = out.last_hidden_state[row, start + length - 1].float()
        return hidden


def new_reward_model(ref_policy: Policy, *, seed: int) -> RewardModel:
    """r before training: ρ's trunk copied, head weights N(0, 1 / sqrt(d + 1)) from the seed, bias 0, gain 1."""
    d = ref_policy.value_head.in_features
    model = RewardModel(copy.deepcopy(ref_policy.trunk), d=d, pad_id=ref_policy.tokenizer.pad_id)
    model.requires_grad_(True)
    weight = torch.randn(1, d, generator=torch.Generator().manual_seed(seed)) / (d + 1) ** 0.5
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.zero_()
    model.autocast = ref_policy.autocast
    return model.to(ref_policy.device)


def save_reward_model(model: RewardModel, folder: Path) -> None:
    """Safetensors and JSON only."""
    model.trunk.save_pretrained(folder)
    parts = {"weight": model.head.weight, "head_bias": model.head.bias, "gain": model.gain, "bias": model.bias}
    save_file({name: part.detach().cpu().contiguous() for name, part in parts.items()}, folder / HEAD)


def load_reward_model(folder: Path) -> RewardModel:
    """What `save_reward_model` wrote, bit for bit."""
    trunk = AutoModel.from_pretrained(folder, dtype=torch.float32)
    parts = load_file(folder / HEAD)
    model = RewardModel(trunk, d=parts["weight"].shape[1], pad_id=trunk.config.pad_token_id)
    with torch.no_grad():
        model.head.weight.copy_(parts["weight"])
        model.head.bias.copy_(parts["head_bias"])
        model.gain.copy_(parts["gain"])
        model.bias.copy_(parts["bias"])
    return model
