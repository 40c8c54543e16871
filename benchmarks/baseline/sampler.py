"""transformers' own `generate`, several responses to each query."""

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from benchmarks.baseline.turns import Turns
from benchmarks.shapes import QUERY, RESPONSE, RESPONSES, SAMPLER_QUERIES, TEMPERATURE, Shape, random_rows


def run(shape: Shape, dtype: str, turns: Turns) -> None:
    """All responses to SAMPLER_QUERIES queries a turn, from the full softmax, never ending early."""
    model = AutoModelForCausalLM.from_config(shape.config(), dtype=getattr(torch, dtype)).eval()
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        top_k=0,
        top_p=1.0,
        max_new_tokens=RESPONSE,
        num_return_sequences=RESPONSES,
        pad_token_id=shape.config().pad_token_id,
    )
    query = random_rows(shape, SAMPLER_QUERIES, QUERY)
    while True:
        turns.wait()
        out = model.generate(input_ids=query, attention_mask=torch.ones_like(query))
        turns.done()
        assert out.shape == (SAMPLER_QUERIES * RESPONSES, QUERY + RESPONSE)
