"""Searches factors for a small family, merges with them, and prints tables like Tables 2 and 3 of DPPA.

For each pruning and rate: the Domain-Ratio of each fine-tune after pruning (Table 2), and of the TIES merge of
both (Table 3). The rows with DPA have their factors from `sluice search`, which evaluates on validation lines,
by itself or with transformers; the tables are of other, held-out lines. `run_tables.sh` makes the family first.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time

import check_merge
import own_scores
import tasks

ROWS = [  # name, pruning, whether factors are searched
    ("Magnitude", "magnitude", False),
    ("OWL", "owl", False),
    ("DARE", "dare", False),
    ("DP", "dp", False),
    ("DPPA", "dppa", True),
    ("OWL + DPA", "owl", True),
    ("DARE + DPA", "dare", True),
]
HERE = os.path.dirname(os.path.abspath(__file__))
EVALUATOR = os.path.join(HERE, "..", "evaluators", "exact_match.py")


def write_lines(work, count):
    """Validation lines as JSONL for the evaluator; returns the other held-out lines."""
    folder = os.path.join(work, "lines")
    os.makedirs(os.path.join(folder, "ids"), exist_ok=True)
    tests = {}
    for name in tasks.TASKS:
        lines = tasks.test_lines(name, 2 * count, seed=2)
        own_scores.write_task(os.path.join(folder, "ids", f"{name}.jsonl"), lines[:count])
        with open(os.path.join(folder, name + ".jsonl"), "w") as file:
            for prompt, answer in lines[:count]:
                # The evaluator's tokenizer reads the begin token out of the text.
                file.write(json.dumps({"prompt": "<begin>" + prompt, "answer": answer}) + "\n")
        tests[name] = lines[count:]
    return folder, tests


class Runner:
    def __init__(self, options):
        self.options = options
        self.family = os.path.join(options.work, "family")
        self.lines, self.tests = write_lines(options.work, options.lines)
        self.scores = {}
        self.seconds = {}

    def sluice(self, *arguments):
        done = subprocess.run([self.options.sluice, *arguments], stdout=subprocess.DEVNULL)
        if done.returncode:
            sys.exit(f"error: sluice {shlex.join(arguments)} ended with exit code {done.returncode}")

    def evaluate(self, directory):
        if directory not in self.scores:
            self.scores[directory] = check_merge.evaluate(directory, self.tests)[0]
        return self.scores[directory]

    def place(self, *names):
        return os.path.join(self.options.work, "tables", *names)

    def search(self, prune, rate):
        """The output of a search for both models' factors."""
        out = self.place(f"search-{self.options.scored_by}-{prune}-{rate}")
        recipe = self.place(f"{prune}-{rate}.json")
        models = [{"model": os.path.join(self.family, name), "name": name} for name in tasks.TASKS]
        content = {
            "merge_method": prune,
            "base_model": os.path.join(self.family, "base"),
            "models": models,
            "parameters": {"pruning-rate": rate},
        }
        with open(recipe, "w") as file:
            json.dump(content, file, indent=1)
        if self.options.scored_by == "sluice":
            # A file's name is its task's; each model counts in its own task alone.
            scores = ["--task-files", *(os.path.join(self.lines, "ids", f"{name}.jsonl") for name in tasks.TASKS)]
            for name in tasks.TASKS:
                scores += ["--tasks", f"{name}={name}"]
        else:
            command = shlex.join(
                [
                    self.options.python, EVALUATOR, "{model}", "--task",
                    "{name}=" + os.path.join(os.path.abspath(self.lines), "{name}.jsonl"),
                    "--max-new-tokens", "8", "--batch", "100", "--no-special-tokens",
                    "--dtype", "float32",
                ]
            )
            scores = ["--evaluator", command, "--jobs", str(self.options.jobs)]
        begin = time.monotonic()
        self.sluice("search", recipe, *scores, "--out", out, "--strategy", self.options.strategy)
        self.seconds[prune, rate] = time.monotonic() - begin
        return out

    def amplify(self, search):
        return ["--amplify-from", os.path.join(search, "search.json")] if search else []

    def prune_alone(self, prune, rate, name, search=None):
        out = self.place(f"{prune}-{rate}-{name}" + ("-amplified" if search else ""))
        self.sluice(
            "merge", "--base", os.path.join(self.family, "base"), "--model",
            f"{name}={os.path.join(self.family, name)}", "--prune", prune, "--merge", "sum",
            "--pruning-rate", str(rate), "--out", out, "--quiet", *self.amplify(search),
        )
        return out

    def merge(self, prune, rate, search=None):
        out = self.place(f"{prune}-{rate}-merged" + ("-amplified" if search else ""))
        arguments = ["merge", "--base", os.path.join(self.family, "base")]
        for name in tasks.TASKS:
            arguments += ["--model", f"{name}={os.path.join(self.family, name)}"]
        arguments += ["--prune", prune, "--pruning-rate", str(rate), "--out", out, "--quiet"]
        self.sluice(*arguments, *self.amplify(search))
        return out

    def ratio(self, directory, name):
        """The Domain-Ratio of a model in one task, which is its Task-Ratio."""
        dense = self.evaluate(os.path.join(self.family, name))[name]
        return self.evaluate(directory)[name] / dense


def table(title, head, rows):
    lines = ["", f"### {title}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, help="has the folder family of make_family.py")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--lines", type=int, default=200, help="lines per task, twice: to search, to test")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--strategy", default="paper")
    parser.add_argument("--scored-by", choices=["sluice", "transformers"], default="sluice",
                        help="who scores the candidates of searches")
    parser.add_argument("--rate", type=float, action="append", help="0.9 and 0.8 if not given")
    parser.add_argument("--row", action="append", help="a method of the tables; all if not given")
    parser.add_argument("--json", help="also write everything here")
    options = parser.parse_args()
    # A recipe's relative paths start from its own folder.
    options.work = os.path.abspath(options.work)
    rates = options.rate or [0.9, 0.8]
    rows = [row for row in ROWS if not options.row or row[0] in options.row]
    run = Runner(options)
    os.makedirs(run.place(), exist_ok=True)
    names = list(tasks.TASKS)
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    dense = {n: run.evaluate(os.path.join(run.family, n)) for n in ["base", *names]}
    pruned, merged, factors = {}, {}, {}
    for row, prune, is_searched in rows:
        for rate in rates:
            search = run.search(prune, rate) if is_searched else None
            for name in names:
                pruned[row, rate, name] = run.ratio(run.prune_alone(prune, rate, name, search), name)
            together = run.merge(prune, rate, search)
            for name in names:
                merged[row, rate, name] = run.ratio(together, name)
            if search:
                with open(os.path.join(search, "search.json")) as file:
                    found = json.load(file)
                for model in found["models"]:
                    factors[row, rate, model["name"]] = model
            print(f"{row} at {rate}: done", file=sys.stderr, flush=True)

    def percent(value):
        return f"{100 * value:.2f}"

    def mean(values):
        product = 1.0
        for value in values:
            product *= value
        return product ** (1 / len(values))

    print(f"exact match on {options.lines} held-out lines per task, other than those searched with")
    print(
        table(
            "Scores", ["model", *names],
            [[n, *(f"{dense[n][t]:.4f}" for t in names)] for n in dense],
        )
    )
    head = ["method"] + [f"{name}, {rate:g}" for rate in rates for name in names]
    body = [
        [row] + [percent(pruned[row, rate, name]) for rate in rates for name in names]
        for row, _, _ in rows
    ]
    floor = [["base model"] + [percent(dense["base"][n] / dense[n][n]) for _ in rates for n in names]]
    print(table("Domain-Ratio of pruned models, % (as Table 2)", head, floor + body))
    head = ["method"] + [f"{n}, {rate:g}" for rate in rates for n in [*names, "mean"]]
    body = [
        [row]
        + [
            percent(value)
            for rate in rates
            for value in [
                *(merged[row, rate, n] for n in names), mean([merged[row, rate, n] for n in names])
            ]
        ]
        for row, _, _ in rows
    ]
    print(table("Domain-Ratio of merged models, % (as Table 3; mean: geometric)", head, body))
    body = [
        [
            row, f"{rate:g}", name, ", ".join(f"{f:g}" for f in model["factors"]), model["method"],
            percent(model["domainRatio"]), str(len(model["trajectory"])),
            f"{run.seconds[dict((r, p) for r, p, _ in ROWS)[row], rate]:.1f}",
        ]
        for (row, rate, name), model in factors.items()
    ]
    print(
        table(
            "Factors, most severe partition first",
            ["method", "rate", "model", "factors", "by", "Domain-Ratio, validation", "evaluated",
             "seconds, all models"],
            body,
        )
    )
    if options.json:
        content = {
            "dense": dense,
            "pruned": [[*key, value] for key, value in pruned.items()],
            "merged": [[*key, value] for key, value in merged.items()],
            "factors": [[*key, model] for key, model in factors.items()],
        }
        with open(options.json, "w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
