"""The policy: a causal language model with one scalar value head on its last hidden state."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from shared.algorithms.logprobs import head_logprobs, logprobs_of
from shared.domain import LoopError
from shared.language.attention import use_attention
from shared.language.packing import pack
from shared.language.pretrained import EMBEDDED, open_causal_lm
from shared.language.tokens import Tokenizer

VALUE_HEAD = "value_head.safetensors"


@dataclass(frozen=True, slots=True)
class PolicyOutput:
    """logits (B, N, T, V), values (B, N, T), float32: at t, what the model knows before it sees response[t]."""

    logits: Tensor
    values: Tensor


class Policy(nn.Module):
    """π, or ρ where it is frozen. Parameters are float32; `autocast` runs the trunk in bfloat16.

    The pad token has no probability: its logit is -inf wherever logits are made.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Tokenizer) -> None:
        super().__init__()
        use_attention(model)
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
        """query, query_mask (B, Q), padded on the left; response (B, N, T), all present, N of each query."""
        hidden = self._hidden(query, query_mask, response)
        return PolicyOutput(self.logits(hidden), self.value_head(hidden).squeeze(-1))

    def logprobs(
        self, query: Tensor, query_mask: Tensor, response: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the response's tokens, and values, both (B, N, T): `forward` without its logits."""
        hidden = self._hidden(query, query_mask, response)
        head = self.model.get_output_embeddings()
        if getattr(head, "bias", None) is None:
            found = head_logprobs(
                hidden, head.weight, response, temperature, banned=self.tokenizer.pad_id, half=self.autocast
            )
        else:
            found = logprobs_of(self.logits(hidden), response, temperature)
        return found, self.value_head(hidden).squeeze(-1)

    def _hidden(self, query: Tensor, query_mask: Tensor, response: Tensor) -> Tensor:
        """(B, N, T, d) float32: at t, the state from which response[t] is predicted.

        The last response token predicts nothing and is not read.
        """
        B, N, T = response.shape
        packed = pack(query, query_mask, response[:, :, :-1])
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            out = self.trunk(
                input_ids=packed.tokens, attention_mask=packed.mask, position_ids=packed.position, use_cache=False
            )
        hidden = out.last_hidden_state[:, query.shape[1] - 1 :].float()  # (B, 1 + N * (T - 1), d)
        first = hidden[:, None, :1].expand(B, N, 1, -1)
        return torch.cat([first, hidden[:, 1:].reshape(B, N, T - 1, hidden.shape[-1])], dim=2)


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
    """Logits of packed, left-padded responses are those the model itself gives to each prefix alone.

    Not so for models that see what comes later, that keep a recurrent state through padding, or that scale or cap
    their logits after the head (Gemma 2, Granite, Cohere).
    """
    pad_id = policy.tokenizer.pad_id
    row = [token for token in range(4) if token != pad_id][:3]
    query = torch.tensor([[pad_id, row[0]]])
    pair = [row[1:] + row[:1], row[::-1]]  # two responses: neither may see the other
    ours = policy(query, query != pad_id, torch.tensor([pair])).logits[0]  # (2, 3, V): after 1, 2, 3 tokens
    for response, logits in zip(pair, ours, strict=True):
        prefixes = ([row[0], *response[:t]] for t in range(len(row)))
        theirs = torch.cat([policy.model(input_ids=torch.tensor([x]), use_cache=False).logits[:, -1] for x in prefixes])
        theirs[:, pad_id] = -torch.inf
        if not torch.allclose(logits, theirs, rtol=1e-3, atol=1e-3):
            raise LoopError(
                f"model {name!r} ({type(policy.model).__name__}) cannot be used: with padding on the left and "
                "responses side by side, its trunk and head do not give the model's own logits; choose a plain "
                "transformer like GPT-2 or Llama"
            )
