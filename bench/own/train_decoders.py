"""Trains a small decoder and fine-tunes of it on three tasks of generation that the base does not solve.

    python3 bench/own/train_decoders.py --out DIR [--steps 700] [--tune 250]
    python3 bench/own/train_decoders.py --out DIR --score MODEL...

The base is a Llama of 6.6 M parameters that reads bytes, trained on made-up sentences, words to copy, and the forms of
all three tasks with random answers, so that it knows how an answer looks and no answer. Tasks: numbers in words,
letters for other letters, sentences in a made-up language. Training, validation and test have no item in common. Each task
has a near fine-tune and, at seven times the learning rate, a far one. Writes DIR/base and DIR/near-TASK, DIR/far-TASK,
what is there already excepted;
prints the share of answers that are right to the last byte, with standard errors, on validation and on test.
--score prints the same for merged models. Needs torch and transformers; about 0.4 s a step on one core, in
BF16 with weights in F32: a quarter of an hour in all. Give each run one thread (OMP_NUM_THREADS=1). Not part of any test.
"""

import argparse
import os
import random
import shutil
import sys

try:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, StoppingCriteriaList
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SIZES = {"train": 12000, "validation": 200, "test": 500}
END = 10
SYLLABLES = "ba ke li mo nu ra se ti vo zu dar fen gol hin jor kap lum".split()
NOUNS = "farmer doctor child sailor baker judge painter king boat lamp horse letter".split()
VERBS = "sees buys steals carries forgets sells hides breaks paints washes finds burns".split()
ADJECTIVES = "old red heavy silver broken small wooden cheap foreign wet golden round".split()
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CIPHER = dict(zip(LETTERS, random.Random(8).sample(LETTERS, len(LETTERS))))


def dictionary():
    draw = random.Random(7)
    return {word: "".join(draw.choices(SYLLABLES, k=2)) for word in NOUNS + VERBS + ADJECTIVES}


FOREIGN = dictionary()


def words(number):
    if number < 20:
        return ONES[number]
    if number < 100:
        rest = number % 10
        return TENS[number // 10 - 2] + (f" {ONES[rest]}" if rest else "")
    if number < 1000:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" {words(rest)}" if rest else "")
    rest = number % 1000
    return f"{words(number // 1000)} thousand" + (f" {words(rest)}" if rest else "")


def sentence(draw):
    return [draw.choice(kind) for kind in (ADJECTIVES, NOUNS, VERBS, NOUNS)]


def letters(draw):
    return "".join(draw.choices(LETTERS, k=draw.randrange(6, 11)))


def numbers(draw):
    number = draw.randrange(1000, 100000)
    return f"spell {number}:", words(number)


def cipher(draw):
    word = letters(draw)
    return f"hide {word}:", "".join(CIPHER[letter] for letter in word)


def language(draw):
    plain = sentence(draw)
    return f"say {' '.join(plain)}:", " ".join(FOREIGN[word] for word in plain)


TASKS = {"numbers": numbers, "cipher": cipher, "language": language}


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


def text_like(draw):
    """A line of what the base is trained on: sentences, words to copy, and questions with the answer of another."""
    kind = draw.randrange(5)
    if kind == 0:
        return "the " + " ".join(sentence(draw)), ""
    if kind == 1:
        word = letters(draw)
        return f"copy {word}:", word
    if kind == 2:
        text = " ".join(sentence(draw))
        return f"again {text}:", text
    task = TASKS[draw.choice(sorted(TASKS))]
    return task(draw)[0], task(draw)[1]


def tokens(question, answer):
    return list((question + answer).encode()) + [END]


def batch(items, learns_all):
    """Token ids and labels; of a fine-tune only answers count."""
    texts = [tokens(question, answer) for question, answer in items]
    ids = torch.full((len(items), max(len(text) for text in texts)), END)
    labels = torch.full_like(ids, -100)
    for row, (text, (question, _)) in enumerate(zip(texts, items)):
        ids[row, : len(text)] = torch.tensor(text)
        start = 0 if learns_all else len(question)
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
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{title} step {step}: loss {loss.item():.3f}", flush=True)


def right(model, items):
    """How many answers are right to the last byte, in percent, and the standard error. In BF16, as training."""
    model.eval()
    longest = max(len(question) for question, _ in items)
    ids = torch.tensor([[END] * (longest - len(question)) + list(question.encode()) for question, _ in items])
    mask = torch.tensor([[0] * (longest - len(question)) + [1] * len(question) for question, _ in items])
    answers = [list(answer.encode()) for _, answer in items]
    room = max(len(answer) for answer in answers) + 1
    wanted = torch.tensor([answer + [END] * (room - len(answer)) for answer in answers])

    def wrong(found, _, **__):
        """Answers that need not go on."""
        said = found[:, longest:]
        return (said != wanted[:, : said.shape[1]]).any(1)

    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = model.generate(
            ids, attention_mask=mask, max_new_tokens=room, do_sample=False, eos_token_id=END, pad_token_id=END,
            stopping_criteria=StoppingCriteriaList([wrong]),
        )
    share = 1 - wrong(out, None).sum().item() / len(items)
    return 100 * share, 100 * (share * (1 - share) / len(items)) ** 0.5


def save(model, path):
    shutil.rmtree(path, ignore_errors=True)
    model.save_pretrained(path, safe_serialization=True)


DISTANCES = {"near": 3e-4, "far": 2e-3}


def make(out, steps, tune):
    """Trains what is not there yet; returns the paths of base and models."""
    base = os.path.join(out, "base")
    if not os.path.exists(base):
        torch.manual_seed(1)
        config = LlamaConfig(
            vocab_size=256, hidden_size=384, intermediate_size=1024, num_hidden_layers=4,
            num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=256,
            tie_word_embeddings=True, bos_token_id=END, eos_token_id=END,
        )
        model = LlamaForCausalLM(config)
        print(f"{sum(value.numel() for value in model.parameters()):,} parameters")
        draw = random.Random(2)
        train(model, lambda: [text_like(draw) for _ in range(32)], steps, 1e-3, True, "base")
        save(model, base)
    paths = [base]
    for distance, rate in DISTANCES.items():
        for name in TASKS:
            items = data(name)["train"]
            title = f"{distance}-{name}"
            paths.append(os.path.join(out, title))
            if os.path.exists(paths[-1]):
                continue
            torch.manual_seed(3)
            tuned = LlamaForCausalLM.from_pretrained(base)
            choose = random.Random(f"{name} 4")
            train(tuned, lambda: choose.sample(items, 32), tune, rate, False, title)
            save(tuned, paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--tune", type=int, default=250)
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
