"""Opening models that others saved: what is mended, and what is refused by name."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM

from shared.domain import LoopError
from shared.language.generation import sample
from shared.language.policy import Policy, import_policy
from shared.language.tokens import left_pad
from tests.models import STORIES, tiny_model, tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny GPT-2 that a test may spoil."""
    return shutil.copytree(tiny_model(), tmp_path / "model")


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@torch.no_grad()
def test_a_row_for_the_pad_token_changes_no_logit(architecture: str) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    plain = AutoModelForCausalLM.from_pretrained(tiny_model(architecture)).eval()
    ids = torch.tensor([policy.tokenizer.encode(STORIES[1])])
    torch.testing.assert_close(policy.model(ids).logits[..., : policy.tokenizer.pad_id], plain(ids).logits)


def test_two_imports_are_the_same_model_bit_for_bit() -> None:
    one, two = (import_policy(str(tiny_model("llama"))).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_gpt2_keeps_its_embeddings_tied_after_the_pad_row() -> None:
    model = import_policy(str(tiny_model())).model
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


def test_parameters_are_float32_whatever_was_stored(folder: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    assert {p.dtype for p in load_file(folder / "model.safetensors").values()} == {torch.bfloat16}
    assert {p.dtype for p in import_policy(str(folder)).parameters()} == {torch.float32}


def test_a_pad_token_that_ends_texts_is_not_taken_over(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"pad_token": config["eos_token"]}))
    assert import_policy(str(folder)).tokenizer.pad_id == len(tokenizer())


def torn(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def without_a_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if ".h.1.mlp" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def without_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def with_another_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_positions": 32}))


@pytest.mark.parametrize("spoil", [torn, without_a_layer, without_tokenizer, with_another_config])
def test_a_spoilt_folder_is_named(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    with pytest.raises(LoopError, match=f"model '{folder}' cannot be read"):
        import_policy(str(folder))


def test_a_model_that_caps_its_logits_after_the_head_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=len(tokenizer()), hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, final_logit_softcapping=0.01,
    )  # fmt: skip
    Gemma2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(LoopError, match="Gemma2ForCausalLM"):
        import_policy(str(tmp_path))


def test_a_special_token_spelled_out_in_a_text_is_only_letters() -> None:
    tokens = import_policy(str(tiny_model())).tokenizer
    text = "a <|pad|> b <|end|>"
    assert tokens.decode(tokens.encode(text)) == text
    assert tokens.pad_id not in tokens.encode(text)
    assert tokens.decode([tokens.token_id("<|end|>"), *tokens.encode("a"), tokens.pad_id]) == "a"


def test_more_tokens_than_the_model_reads_are_refused() -> None:
    policy: Policy = import_policy(str(tiny_model()))
    query, mask = left_pad([[1, 2]], pad_id=policy.tokenizer.pad_id, length=60)
    with pytest.raises(LoopError, match=r"query_tokens \(60\) and task.response_tokens \(5\) are more than the 64"):
        sample(policy, query, mask, length=5, temperature=1.0, generator=torch.Generator())


def test_transformers_speaks_through_the_process_s_own_logging(tmp_path: Path) -> None:
    code = (
        "from shared.telemetry import configure; configure('ppo', 'info')\n"
        "from shared.language.policy import import_policy, save_policy; import sys, pathlib\n"
        "from transformers.utils import logging\n"
        "save_policy(import_policy(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "logging.get_logger('transformers.modeling_utils').warning('said')\n"
    )
    command = [sys.executable, "-c", code, str(tiny_model()), str(tmp_path)]
    (line,) = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    assert line.endswith("WARNING ppo transformers.modeling_utils: said")
