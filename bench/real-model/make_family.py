"""Trains a small Llama on made-up text and two fine-tunes of it, and saves all three as real checkpoints.

The base model sees sentences and a little of both tasks; each fine-tune goes on with one task alone. All three
are saved in BF16 in several shards by `save_pretrained`, as a published model would be.
"""

import argparse
import json
import os
import random
import time

import tasks

BATCH = 64


def batch(rng, mixture, size, torch):
    """Token rows and labels; labels are -100 where nothing is to be predicted."""
    rows, labels = [], []
    for _ in range(size):
        task = rng.choices([t for t, _ in mixture], [w for _, w in mixture])[0]
        prompt, answer = tasks.training_line(rng, task)
        head, tail = tasks.encode_prompt(prompt), list(answer.encode()) + [tasks.END]
        blank = tasks.LINE - len(head) - len(tail)
        rows.append(head + tail + [tasks.PAD] * blank)
        labels.append([-100] * len(head) + tail + [-100] * blank)
    return torch.tensor(rows), torch.tensor(labels)


def train(model, mixture, steps, rate, seed, label):
    import torch

    rng = random.Random(f"train {label} {seed}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    warmup = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warmup, 0.05 + 0.95 * (1 - step / steps)),
    )
    model.train()
    start = time.monotonic()
    for step in range(steps):
        rows, labels = batch(rng, mixture, BATCH, torch)
        loss = model(input_ids=rows, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 99 or step == steps - 1:
            seconds = time.monotonic() - start
            print(f"{label}: step {step + 1} of {steps}, loss {loss.item():.3f}, {seconds:.0f} s", flush=True)


def save(model, directory, shard):
    import copy

    import torch

    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.save_pretrained(directory, max_shard_size=shard)
    tasks.save_tokenizer(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="folder for base, arithmetic and reversal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base-steps", type=int, default=400)
    parser.add_argument("--tune-steps", type=int, default=250)
    parser.add_argument("--base-rate", type=float, default=2e-3)
    parser.add_argument("--tune-rate", type=float, default=3e-4)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--shard", default="500KB", help="max_shard_size of save_pretrained")
    options = parser.parse_args()

    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    # One thread: the order of additions, and so every bit, must not depend on the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    config = LlamaConfig(
        vocab_size=tasks.VOCABULARY,
        hidden_size=options.hidden,
        intermediate_size=3 * options.hidden,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        pad_token_id=tasks.PAD,
        bos_token_id=tasks.BEGIN,
        eos_token_id=tasks.END,
    )
    model = LlamaForCausalLM(config)
    print(f"{model.num_parameters()} parameters")
    mixture = [(tasks.sentence, 0.5), (tasks.arithmetic, 0.25), (tasks.reversal, 0.25)]
    train(model, mixture, options.base_steps, options.base_rate, options.seed, "base")
    base = os.path.join(options.out, "base")
    save(model, base, options.shard)

    for name, task in tasks.TASKS.items():
        # From the saved base, so that the delta is exactly what a merger sees.
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        train(model, [(task, 1.0)], options.tune_steps, options.tune_rate, options.seed, name)
        save(model, os.path.join(options.out, name), options.shard)
    with open(os.path.join(options.out, "made-with.json"), "w") as file:
        json.dump({**vars(options), "torch": torch.__version__}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
