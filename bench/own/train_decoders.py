"""Trains a small decoder and fine-tunes of it on three tasks of generation that the base does not solve.

    python3 bench/own/train_decoders.py --out DIR [--steps 4000] [--tune 1500]
    python3 bench/own/train_decoders.py --out DIR --score MODEL...

The base is a Llama of 6.4 M parameters that reads bytes, trained on made-up sentences and on the forms of all three
tasks with random answers, so that it knows how an answer looks and no answer. Tasks: sums of two numbers, words
written backwards, sentences in a made-up language. Training, validation and test have no item in common. Each task
has a near fine-tune (a tenth of the learning rate) and a far one. Writes DIR/base and DIR/near-TASK, DIR/far-TASK;
prints the share of answers that are right to the last byte, with standard errors, on validation and on test.
--score prints the same for merged models. Needs torch and transformers; the base takes about an hour on two
cores, each fine-tune some minutes. Not part of any test.
"""

import argparse
import os
import random
import shutil
import sys

try:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SIZES = {"train": 20000, "validation": 200, "test": 200}
LENGTH, END = 96, 10
SYLLABLES = "ba ke li mo nu ra se ti vo zu dar fen gol hin jor kap lum".split()
NOUNS = "farmer doctor child sailor baker judge painter king boat lamp horse letter".split()
VERBS = "sees buys steals carries forgets sells hides breaks".split()
ADJECTIVES = "old red heavy silver broken small wooden cheap".split()


def dictionary():
    draw = random.Random(7)
    return {word: "".join(draw.choices(SYLLABLES, k=2)) for word in NOUNS + VERBS + ADJECTIVES}


FOREIGN = dictionary()


def sentence(draw):
    return [
        draw.choice(ADJECTIVES), draw.choice(NOUNS), draw.choice(VERBS), draw.choice(ADJECTIVES),
        draw.choice(NOUNS),
    ]


def sums(draw):
    a, b = draw.randrange(1000), draw.randrange(1000)
    return f"sum {a} {b}:", f"{a + b}"


def backwards(draw):
    word = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randrange(4, 9)))
    return f"back {word}:", word[::-1]


def language(draw):
    words = sentence(draw)
    return f"say {' '.join(words)}:", " ".join(FOREIGN[word] for word in words)


TASKS = {"sums": sums, "backwards": backwards, "language": language}


def data(name):
    """The parts of a task, which have no item in common."""
    draw, seen, parts = random.Random(f"{name} 1"), set(), {}
    for part in ("test", "validation", "train"):
        parts[part] = []
        while len(parts[part]) < SIZES[part]:
            item = TASKS[name](draw)
            if item[0] not in seen:
                seen.add(item[0])
                parts[part].append(item)
    return parts


def unknowing(draw):
    """A line of what the base is trained on: sentences, and questions with the answer of another."""
    if draw.random() < 0.4:
        return "the " + " ".join(sentence(draw)), ""
    task = TASKS[draw.choice(sorted(TASKS))]
    return task(draw)[0], task(draw)[1]


def batch(items, learns_all):
    """Token ids and labels; of a fine-tune only answers count."""
    ids = torch.full((len(items), LENGTH), END)
    labels = torch.full((len(items), LENGTH), -100)
    for row, (question, answer) in enumerate(items):
        text = list((question + answer).encode()) + [END]
        ids[row, : len(text)] = torch.tensor(text)
        start = 0 if learns_all else len(question.encode())
        labels[row, start : len(text)] = torch.tensor(text[start:])
    return ids, labels


def train(model, draw_items, steps, rate, learns_all, title):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 100) * max(0, 1 - step / steps)
    )
    for step in range(steps):
        ids, labels = batch(draw_items(), learns_all)
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"{title} step {step}: loss {loss.item():.3f}", flush=True)


def right(model, items):
    """How many answers are right to the last byte, in percent, and the standard error."""
    model.eval()
    hits = 0
    by_length = {}
    for question, answer in items:
        by_length.setdefault(len(question.encode()), []).append((question, answer))
    for group in by_length.values():
        ids = torch.tensor([list(question.encode()) for question, _ in group])
        with torch.no_grad():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False,
                eos_token_id=END, pad_token_id=END,
            )
        for row, (_, answer) in zip(out[:, ids.shape[1] :].tolist(), group):
            found = row[: row.index(END)] if END in row else row
            hits += bytes(found) == answer.encode()
    share = hits / len(items)
    return 100 * share, 100 * (share * (1 - share) / len(items)) ** 0.5


def save(model, path):
    shutil.rmtree(path, ignore_errors=True)
    model.save_pretrained(path, safe_serialization=True)


def make(out, steps, tune):
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=256, hidden_size=256, intermediate_size=768, num_hidden_layers=8,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=LENGTH * 2,
        tie_word_embeddings=True, bos_token_id=END, eos_token_id=END,
    )
    model = LlamaForCausalLM(config)
    print(f"{sum(value.numel() for value in model.parameters()):,} parameters")
    base = os.path.join(out, "base")
    draw = random.Random(2)
    train(model, lambda: [unknowing(draw) for _ in range(64)], steps, 1e-3, True, "base")
    save(model, base)
    paths = [base]
    for name in TASKS:
        items = data(name)["train"]
        for distance, rate in (("near", 2e-4), ("far", 2e-3)):
            torch.manual_seed(3)
            tuned = LlamaForCausalLM.from_pretrained(base)
            choose = random.Random(f"{name} 4")
            title = f"{distance}-{name}"
            train(tuned, lambda: choose.sample(items, 64), tune, rate, False, title)
            paths.append(os.path.join(out, title))
            save(tuned, paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--tune", type=int, default=1500)
    parser.add_argument("--score", nargs="*")
    arguments = parser.parse_args()
    paths = arguments.score or make(arguments.out, arguments.steps, arguments.tune)
    parts = {name: data(name) for name in TASKS}
    print(f"{'model':24} {'part':10} " + " ".join(f"{name:>16}" for name in TASKS))
    for path in paths:
        model = LlamaForCausalLM.from_pretrained(path)
        for part in ("validation", "test"):
            cells = [right(model, parts[name][part]) for name in TASKS]
            text = " ".join(f"{share:9.1f} ± {error:4.1f}" for share, error in cells)
            print(f"{os.path.basename(path.rstrip('/')):24} {part:10} {text}", flush=True)


def scorer(family):
    """What scores a model on a part of some domains: shares in percent with standard errors."""
    parts = {name: data(name) for name in TASKS}

    def scores(path, part, domains):
        model = LlamaForCausalLM.from_pretrained(path)
        return {name: right(model, parts[name][part]) for name in domains}

    return scores


if __name__ == "__main__":
    main()
