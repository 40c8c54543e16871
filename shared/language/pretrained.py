"""Opening a causal language model as prefloop needs it: float32, no dropout, a pad token of its own."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel

from shared.domain import LoopError

EMBEDDED = Path(__file__).parent / "embedded"
PAD = "<|pad|>"


def open_causal_lm(name_or_dir: str) -> tuple[PreTrainedModel, Any]:
    """(model, tokenizer) from a folder or a hub name. Raises LoopError naming it where it cannot be read."""
    try:
        config = AutoConfig.from_pretrained(name_or_dir)
        without_dropout(config)
        tokenizer = AutoTokenizer.from_pretrained(name_or_dir)
        model = AutoModelForCausalLM.from_pretrained(name_or_dir, config=config, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LoopError(
            f"model {name_or_dir!r} cannot be read: {reason} -- name a folder that holds config.json, tokenizer and "
            "safetensors of a causal language model, or a name that transformers can fetch"
        ) from None
    _own_pad(model, tokenizer)
    # The stored generation settings (top_k 50, early stop) are for chat; whoever opens our checkpoint gets plain sampling.
    model.generation_config = GenerationConfig(
        do_sample=True, top_k=0, top_p=1.0, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id
    )
    return model, tokenizer


def without_dropout(config: Any) -> None:
    """Set every dropout probability in a model's configuration to 0: eval mode alone is not to be trusted."""
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float):
            setattr(config, key, 0.0)


def _own_pad(model: PreTrainedModel, tokenizer: Any) -> None:
    """Give the tokenizer a pad token that is not EOS, and the embeddings a row for it where they have none."""
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": PAD})
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id
    embeddings = model.get_input_embeddings()
    if isinstance(embeddings, nn.Embedding):
        embeddings.padding_idx = None  # pad positions are masked; a special row would only hide a missing mask
