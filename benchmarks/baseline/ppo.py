"""TRL's PPOTrainer: the last release of TRL that has one. It trains a value model beside the policy."""

import os
import tempfile

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from trl.experimental.ppo import PPOConfig, PPOTrainer

from benchmarks.baseline.turns import OneAtATime, Turns
from benchmarks.shapes import EPOCHS, LEARNING_RATE, QUERY, RESPONSE, TEMPERATURE, Shape, new_tokenizer, random_rows

STEPS = 1000  # more than will be asked for


def run(shape: Shape, dtype: str, turns: Turns) -> None:
    """One batch of episodes a turn: fixed lengths, no end at EOS, one minibatch, no gradient checkpointing."""
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if dtype == "bfloat16" else "no"
    torch.manual_seed(1)
    config = shape.config()
    config.num_labels = 1
    queries = random_rows(shape, STEPS, QUERY)
    with tempfile.TemporaryDirectory() as folder:
        PPOTrainer(
            args=PPOConfig(
                output_dir=folder,
                use_cpu=True,
                bf16=dtype == "bfloat16",
                per_device_train_batch_size=shape.batch,
                gradient_accumulation_steps=1,
                num_mini_batches=1,
                num_ppo_epochs=EPOCHS,
                total_episodes=STEPS * shape.batch,
                learning_rate=LEARNING_RATE,
                response_length=RESPONSE,
                temperature=TEMPERATURE,
                local_rollout_forward_batch_size=shape.batch,
                whiten_rewards=True,
                num_sample_generations=0,
                gradient_checkpointing=False,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            processing_class=new_tokenizer(shape.vocabulary),
            model=AutoModelForCausalLM.from_config(config),
            ref_model=AutoModelForCausalLM.from_config(config),
            reward_model=AutoModelForSequenceClassification.from_config(config),
            value_model=AutoModelForSequenceClassification.from_config(config),
            train_dataset=Dataset.from_dict({"input_ids": queries.tolist()}),
            callbacks=[OneAtATime(turns)],
        ).train()
