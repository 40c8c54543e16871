"""Opening a causal language model as prefloop needs it: float32, no dropout, a pad token of its own."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel
from transformers.utils import logging

from shared.domain import LoopError

EMBEDDED = Path(__file__).parent / "embedded"
PAD = "<|pad|>"
# What transformers and safetensors raise for files that are missing, torn, or of another shape or format.
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)

# What transformers has to say goes where the process's own records go, and no progress bar between them.
logging.disable_default_handler()
logging.enable_propagation()
logging.disable_progress_bar()


def open_causal_lm(name_or_dir: str) -> tuple[PreTrainedModel, Any]:
    """(model, tokenizer) from a folder or a hub name. Raises LoopError naming it where it cannot be read."""
    try:
        config = AutoConfig.from_pretrained(name_or_dir, trust_remote_code=False)
        without_dropout(config)
        with_fused_gelu(config)
        tokenizer = AutoTokenizer.from_pretrained(name_or_dir, trust_remote_code=False)
        opened: Any = AutoModelForCausalLM.from_pretrained(
            name_or_dir, config=config, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
        model, loading = opened
    except UNREADABLE as error:
        raise _unreadable(name_or_dir, str(error).strip().partition("\n")[0] or type(error).__name__) from None
    if loading["missing_keys"]:  # transformers only warns, and fills them at random
        raise _unreadable(name_or_dir, f"it holds no weights for {', '.join(sorted(loading['missing_keys'])[:3])}")
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:  # so it does where tokenizer.json is missing
        raise _unreadable(name_or_dir, "its tokenizer makes no tokens of text")
    _own_pad(model, tokenizer)
    # The stored settings (top_k 50, ...) are for chat; whoever opens our checkpoint gets plain sampling.
    model.generation_config = GenerationConfig(
        do_sample=True, top_k=0, top_p=1.0, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id
    )
    return model, tokenizer


def open_tokenizer(name_or_dir: str) -> Any:
    """The tokenizer alone, of `embedded`, a folder or a hub name, with its own pad token. LoopError: there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(EMBEDDED) if name_or_dir == "embedded" else name_or_dir, trust_remote_code=False
        )
    except UNREADABLE as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise LoopError(
            f"tokenizer {name_or_dir!r} cannot be read: {reason} -- name a folder that holds a tokenizer, or a name "
            "that transformers can fetch"
        ) from None
    _pad_of_its_own(tokenizer, {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id})
    return tokenizer


def without_dropout(config: Any) -> None:
    """Set every dropout probability in a model's configuration to 0: eval mode alone is not to be trusted."""
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float):
            setattr(config, key, 0.0)


def with_fused_gelu(config: Any) -> None:
    """GPT-2's activation as one kernel instead of eight: the same function, a tenth off a training step on CPU."""
    for key in ("activation_function", "hidden_act"):
        if getattr(config, key, None) == "gelu_new":
            setattr(config, key, "gelu_pytorch_tanh")


def _unreadable(name_or_dir: str, reason: str) -> LoopError:
    return LoopError(
        f"model {name_or_dir!r} cannot be read: {reason} -- name a folder that holds config.json, tokenizer and "
        "safetensors of a causal language model, or a name that transformers can fetch"
    )


def _own_pad(model: Any, tokenizer: Any) -> None:
    """Give the tokenizer a pad token that means nothing else, and the embeddings a row for it where they have none."""
    taken = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id}
    for end in (model.config.eos_token_id, model.generation_config.eos_token_id):  # an id, several or None
        taken |= set(end) if isinstance(end, list) else {end}
    _pad_of_its_own(tokenizer, taken)
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        with torch.no_grad():  # resizing fills them at random: the same import would be another model each time
            model.get_input_embeddings().weight[rows:] = 0.0
            model.get_output_embeddings().weight[rows:] = 0.0
    model.config.pad_token_id = tokenizer.pad_token_id
    embeddings = model.get_input_embeddings()
    if isinstance(embeddings, nn.Embedding):
        embeddings.padding_idx = None  # pad positions are masked; a special row would only hide a missing mask


def _pad_of_its_own(tokenizer: Any, taken: set[int | None]) -> None:
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id in taken:
        tokenizer.add_special_tokens({"pad_token": PAD})
