"""TRL's RewardTrainer, on pairs."""

import os
import tempfile

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification
from trl import RewardConfig, RewardTrainer

from benchmarks.baseline.turns import OneAtATime, Turns
from benchmarks.shapes import (
    LEARNING_RATE,
    QUERY,
    RESPONSE,
    RESPONSES,
    REWARD_QUERIES,
    REWARD_STEPS,
    Shape,
    new_tokenizer,
    random_rows,
)

PAIRS = REWARD_QUERIES * RESPONSES // 2  # a step: as many sequences as we train on
TURNS = 100  # more than will be asked for


def run(shape: Shape, dtype: str, turns: Turns) -> None:
    """REWARD_STEPS optimiser steps of PAIRS pairs a turn; no gradient checkpointing."""
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if dtype == "bfloat16" else "no"
    torch.manual_seed(1)
    config = shape.config()
    config.num_labels = 1
    pairs = TURNS * REWARD_STEPS * PAIRS
    query, response = random_rows(shape, pairs, QUERY), random_rows(shape, 2 * pairs, RESPONSE)
    chosen, rejected = (torch.cat([query, response[i::2]], dim=1) for i in range(2))
    with tempfile.TemporaryDirectory() as folder:
        RewardTrainer(
            args=RewardConfig(
                output_dir=folder,
                use_cpu=True,
                bf16=dtype == "bfloat16",
                per_device_train_batch_size=PAIRS,
                num_train_epochs=1,
                learning_rate=LEARNING_RATE,
                max_grad_norm=0.0,
                gradient_checkpointing=False,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            processing_class=new_tokenizer(shape.vocabulary),
            model=AutoModelForSequenceClassification.from_config(config),
            train_dataset=Dataset.from_dict({"chosen_ids": chosen.tolist(), "rejected_ids": rejected.tolist()}),
            callbacks=[OneAtATime(turns, REWARD_STEPS)],
        ).train()
