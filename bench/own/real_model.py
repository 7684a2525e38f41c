"""The family of bench/real-model as a kind of tables.py and collect_grams.py: two fine-tunes of a small Llama.

    python3 bench/real-model/make_family.py --out DIR

writes DIR/base, DIR/arithmetic and DIR/reversal. Scores are shares of exact answers in percent, with standard errors, in
F32. Of the lines that training never sees every fourth is of validation, the others are of test.
"""

import os
import random
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real-model"))

import check_merge
import tasks

# Nearly all sums that there are; the base knows most words, so that it takes more of them to see a gain.
HELD_OUT = {"arithmetic": 480, "reversal": 2000}


def data(name):
    """The parts of a task, which have no line in common."""
    lines = tasks.test_lines(name, HELD_OUT[name], seed=3)
    draw = random.Random(f"{name} 5")
    return {
        "train": [tasks.training_line(draw, tasks.TASKS[name]) for _ in range(500)],
        "validation": lines[::4],
        "test": [line for index, line in enumerate(lines) if index % 4],
    }


def tokens(prompt, answer):
    return tasks.encode_prompt(prompt) + list(answer.encode()) + [tasks.END]


def right(model, lines):
    """How many answers are exact, in percent, and the standard error."""
    found = check_merge.answers(model, [prompt for prompt, _ in lines])
    share = sum(found[prompt] == answer for prompt, answer in lines) / len(lines)
    return 100 * share, 100 * (share * (1 - share) / len(lines)) ** 0.5


def scorer(family):
    """What scores a model on a part of some tasks: shares in percent with standard errors."""
    import torch
    from transformers import AutoModelForCausalLM

    parts = {name: data(name) for name in tasks.TASKS}

    def scores(path, part, domains):
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        return {name: right(model, parts[name][part]) for name in domains}

    return scores
