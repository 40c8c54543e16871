"""The policy: a causal language model with one scalar value head on its last hidden state."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from shared.domain import LoopError
from shared.language.pretrained import EMBEDDED, open_causal_lm
from shared.language.tokens import Tokenizer, positions

VALUE_HEAD = "value_head.safetensors"


@dataclass(frozen=True, slots=True)
class PolicyOutput:
    """logits (B, T, V), values (B, T), float32: position t is what the model knows before it sees response[t]."""

    logits: Tensor
    values: Tensor


class Policy(nn.Module):
    """π, or ρ where it is frozen. Parameters are float32; `autocast` runs the trunk in bfloat16.

    The pad token has no probability: its logit is -inf wherever logits are made.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.value_head = nn.Linear(model.get_output_embeddings().in_features, 1)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self.autocast = False

    @property
    def device(self) -> torch.device:
        return self.value_head.weight.device

    @property
    def trunk(self) -> PreTrainedModel:
        """The transformer without its language-model head."""
        return cast(PreTrainedModel, self.model.base_model)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., d) -> (..., V) float32, not yet divided by the temperature."""
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        logits[..., self.tokenizer.pad_id] = -torch.inf  # in place: a copy of (B, T, V) is the largest tensor there is
        return logits

    def forward(self, query: Tensor, query_mask: Tensor, response: Tensor) -> PolicyOutput:
        """query, query_mask (B, Q), padded on the left; response (B, T), all present.

        The last response token predicts nothing and is not read.
        """
        tokens = torch.cat([query, response[:, :-1]], dim=1)  # (B, Q + T - 1)
        mask = torch.cat([query_mask, torch.ones_like(response[:, :-1], dtype=torch.bool)], dim=1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            out = self.trunk(
                input_ids=tokens, attention_mask=mask.long(), position_ids=positions(mask), use_cache=False
            )
        hidden = out.last_hidden_state[:, query.shape[1] - 1 :].float()  # (B, T, d)
        return PolicyOutput(self.logits(hidden), self.value_head(hidden).squeeze(-1))


def import_policy(name_or_dir: str) -> Policy:
    """ρ from `embedded`, a folder, or a name that transformers opens, with a value head of zeros.

    Raises LoopError, naming the model, where it cannot be read or is of a kind that prefloop would misread.
    """
    policy = _open(str(EMBEDDED) if name_or_dir == "embedded" else name_or_dir)
    _require_agreement(policy, name_or_dir)
    return policy


def save_policy(policy: Policy, folder: Path) -> None:
    """Safetensors and JSON only; `AutoModelForCausalLM.from_pretrained(folder)` opens it as well."""
    policy.model.save_pretrained(folder)
    policy.tokenizer.save(folder)
    save_file({name: p.detach().cpu() for name, p in policy.value_head.state_dict().items()}, folder / VALUE_HEAD)


def load_policy(folder: Path) -> Policy:
    """What `save_policy` wrote, bit for bit."""
    policy = _open(str(folder))
    policy.value_head.load_state_dict(load_file(folder / VALUE_HEAD))
    return policy


def _open(name_or_dir: str) -> Policy:
    model, tokenizer = open_causal_lm(name_or_dir)
    return Policy(model, Tokenizer(tokenizer))


@torch.no_grad()
def _require_agreement(policy: Policy, name: str) -> None:
    """Left-padded logits are those the model itself gives to each prefix, unpadded.

    Not so for models that see what comes later, that keep a recurrent state through padding, or that scale or cap
    their logits after the head (Gemma 2, Granite, Cohere).
    """
    pad_id = policy.tokenizer.pad_id
    row = [token for token in range(4) if token != pad_id][:3]
    query = torch.tensor([[pad_id, row[0]]])
    ours = policy(query, query != pad_id, torch.tensor([row[1:] + row[:1]])).logits[0]  # (3, V): after 1, 2, 3 tokens
    for t in range(len(row)):
        theirs = policy.model(input_ids=torch.tensor([row[: t + 1]]), use_cache=False).logits[0, -1]
        theirs[pad_id] = -torch.inf
        if not torch.allclose(ours[t], theirs, rtol=1e-3, atol=1e-3):
            raise LoopError(
                f"model {name!r} ({type(policy.model).__name__}) cannot be used: with padding on the left, its "
                "trunk and head do not give the model's own logits; choose a plain transformer like GPT-2 or Llama"
            )
