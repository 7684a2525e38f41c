"""An evaluator for `sluice search`: what lm-eval (the language model evaluation harness) found.

    sluice search recipe.yaml --out found --evaluator 'python3 bench/evaluators/lm_eval_scores.py --
      lm_eval --model hf --model_args pretrained={model} --tasks gsm8k,hendrycks_math --batch_size auto'

Runs the command behind `--` with an --output_path of its own in a temporary folder, then reads the results;
or reads results that are there: `lm_eval_scores.py FILE_OR_FOLDER`. For each task one metric is taken: that of
--metric TASK=METRIC (or METRIC for all), else the first of exact_match, acc_norm, acc, f1, mc2. A metric of
which lower is better is refused. Prints `{"tasks": {"gsm8k": 0.57}}`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

PREFERRED = ["exact_match", "acc_norm", "acc", "f1", "mc2"]


def newest(path):
    """The file of results: the path itself, or the last one written in a folder."""
    if os.path.isfile(path):
        return path
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            if name.startswith("results") and name.endswith(".json"):
                found.append(os.path.join(folder, name))
    if not found:
        sys.exit(f"error: {path}: no results*.json in it")
    return max(found, key=os.path.getmtime)


def metrics(entry):
    """The metrics of a task, as `metric` and `metric,filter`, to their values."""
    return {
        name: value
        for name, value in entry.items()
        if isinstance(value, (int, float))
        and not isinstance(value, bool)
        and not name.split(",")[0].endswith("_stderr")
        and name not in ("samples", "sample_len")
    }


def choose(task, values, wanted):
    """The name of the metric to take."""
    names = [wanted] if wanted else PREFERRED
    for name in names:
        for key in values:
            if name in (key, key.split(",")[0]):
                return key
    known = ", ".join(values) or "none"
    sys.exit(f"error: task {task}: no metric {' or '.join(names)}; it has {known}")


def scores(results, chosen):
    """The score of every task that is no part of a group's."""
    groups = set(results.get("groups", {}))
    parts = {p for members in results.get("group_subtasks", {}).values() for p in members}
    found = {}
    for task, entry in results["results"].items():
        if task in parts and task not in groups and task not in chosen:
            continue
        values = metrics(entry)
        if not values:
            continue
        key = choose(task, values, chosen.get(task, chosen.get("")))
        better = results.get("higher_is_better", {}).get(task, {}).get(key.split(",")[0])
        if better is False:
            sys.exit(f"error: task {task}: lower is better for {key}; choose another with --metric")
        found[task] = values[key]
    return found


def main():
    arguments, command = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, command = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="?", help="a file or folder of results, instead of a command")
    parser.add_argument(
        "--metric", action="append", default=[], metavar="[TASK=]METRIC", help="such as exact_match"
    )
    options = parser.parse_args(arguments)
    if bool(options.results) == bool(command):
        parser.error("give results, or -- and a command")
    chosen = {}
    for text in options.metric:
        task, separator, metric = text.partition("=")
        chosen[task if separator else ""] = metric if separator else task

    with tempfile.TemporaryDirectory(prefix="lm-eval-") as folder:
        path = options.results
        if command:
            # What it prints is for people; only the scores belong on standard output.
            status = subprocess.run([*command, "--output_path", folder], stdout=sys.stderr).returncode
            if status != 0:
                sys.exit(f"error: {command[0]} ended with exit code {status}")
            path = folder
        with open(newest(path), encoding="utf-8") as file:
            results = json.load(file)
    if not isinstance(results.get("results"), dict):
        sys.exit("error: these are no results of lm-eval: there is no member results")
    found = scores(results, chosen)
    if not found:
        sys.exit("error: the results have no task with a metric")
    print(json.dumps({"tasks": found}))


if __name__ == "__main__":
    main()
