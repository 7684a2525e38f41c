"""Scores the same models with `sluice evaluate`, and compares with what check_merge.py found with transformers.

An answer and the end token after it are what greedy decoding must say, so exact matches are the same by definition, and
equal unless a logit is a tie within rounding. Also writes the task files, for `sluice search --task-files`.
"""

import argparse
import json
import os
import subprocess
import sys

import tasks


def write_task(path, lines):
    """A task file of prompts and answers, as token ids."""
    with open(path, "w") as file:
        for prompt, answer in lines:
            ids = list(answer.encode()) + [tasks.END]
            file.write(json.dumps({"prompt": tasks.encode_prompt(prompt), "answer": ids}) + "\n")


def write_tasks(directory, count):
    """A file of held-out lines for each task, as token ids."""
    os.makedirs(directory, exist_ok=True)
    paths = []
    for name in tasks.TASKS:
        paths.append(os.path.join(directory, f"{name}.jsonl"))
        write_task(paths[-1], tasks.test_lines(name, count))
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--family", required=True)
    parser.add_argument("--scores", required=True, help="what check_merge.py wrote with --json")
    parser.add_argument("--merged", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--tasks", required=True, help="where the task files are written")
    options = parser.parse_args()
    with open(options.scores) as file:
        known = json.load(file)
    paths = write_tasks(options.tasks, known["lines"])
    models = {name: os.path.join(options.family, name) for name in ["base", *tasks.TASKS]}
    models.update(text.partition("=")[::2] for text in options.merged)
    command = [options.sluice, "evaluate", *models.values(), "--tasks", *paths, "--json", "--quiet"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    differing = 0
    for name, line in zip(models, lines):
        own = {task: found["exactMatch"] for task, found in json.loads(line)["tasks"].items()}
        for task, score in known["scores"][name].items():
            if abs(own[task] - score) > 1e-9:
                differing += 1
                print(f"{name}, {task}: transformers {score:.4f}, sluice {own[task]:.4f}")
    print(f"sluice evaluate: {len(models) * len(tasks.TASKS)} scores, {differing} differ from those of transformers")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
