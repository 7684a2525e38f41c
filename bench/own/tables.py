"""What pruned and merged models keep of what their fine-tuning gained, with and without a search.

    python3 bench/own/tables.py --sluice .build/release/sluice --family DIR --kind encoders|decoders
                                [--models a,b,c] [--kept 20,10,5,2] [--merged-kept 20,5] [--only one|merge]
                                [--evaluations 12] [--starts 2] [--seeds 3] [--grams DIR] [--work DIR]

DIR is what train_encoders.py or train_decoders.py writes: base and the fine-tunes. --models names those that are merged
(the first two, then all), by default the three of encoders, near-* of decoders; a model belongs to the domain that its name
ends with. Factors are searched on validation, all figures are of test. A cell is the share of the gain over the
base that is kept, (score - base) / (own - base), in percent: the mean over domains, in brackets the least of them, and the
standard error of the mean, from the number of examples. Searched cells say how often a model was scored. The
objective of searches is the geometric mean of the shares over domains, none below 1 %; a search goes from
factor to factor, from several starts, until --evaluations are spent in each; with 0 nothing is searched. Random masks are drawn from several seeds and averaged.
With --grams, which holds MODEL.safetensors as `sluice collect --grams` writes them, RegMean with inputs has a row.
Prints markdown; a line for each score goes to standard error. Needs torch and transformers; encoders take
about an hour on two cores, decoders some hours.
"""

import argparse
import importlib.util
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

LEAST = 0.01
ROWS = ["--prune", "magnitude", "--mask-scope", "row"]
OWN = ["--prune", "none", "--merge", "own-regmean"]


def family_module(kind):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"train_{kind}.py")
    spec = importlib.util.spec_from_file_location(f"train_{kind}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Bench:
    """Merges and scores, and knows what base and models score by themselves."""

    def __init__(self, arguments, names):
        self.sluice = os.path.abspath(arguments.sluice)
        self.family = arguments.family
        self.names = names
        self.domains = {name: name.split("-")[-1] for name in names}
        self.work = arguments.work or tempfile.mkdtemp(prefix="own-tables-")
        os.makedirs(self.work, exist_ok=True)
        self.scores = family_module(arguments.kind).scorer(self.family)
        self.count = 0
        domains = list(self.domains.values())
        self.alone = {}
        for part in ("validation", "test"):
            for name in ["base"] + names:
                self.alone[part, name] = self.scores(os.path.join(self.family, name), part, domains)
                self.tell(f"{part} {name}", self.alone[part, name])

    def tell(self, title, scores):
        cells = " ".join(f"{domain} {share:.1f}" for domain, (share, _) in scores.items())
        print(f"{title}: {cells}", file=sys.stderr, flush=True)

    def merge(self, names, flags, weights=None):
        """Merges, with weights by group if there are some, and returns the path."""
        out = os.path.join(self.work, "out")
        shutil.rmtree(out, ignore_errors=True)
        words = [self.sluice, "merge" if weights is None else "run"]
        if weights is None:
            words += ["--base", os.path.join(self.family, "base")]
            for name in names:
                words += ["--model", f"{name}={os.path.join(self.family, name)}"]
        else:
            path = os.path.join(self.work, "recipe.yaml")
            with open(path, "w") as file:
                json.dump(self.recipe(names, flags, weights), file)
            words, flags = words + [path], []
        done = subprocess.run(words + flags + ["--out", out], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words + flags)}: {done.stderr}")
        return out

    def recipe(self, names, flags, weights):
        """What the flags say, with weights that differ from tensor to tensor."""
        parameters = {flag[2:]: text for flag, text in zip(flags[0::2], flags[1::2])}
        for key, text in parameters.items():
            if re.fullmatch(r"[0-9.]+", text):
                parameters[key] = float(text) if "." in text else int(text)
        models = [
            {
                "model": os.path.abspath(os.path.join(self.family, name)), "name": name,
                "parameters": {"weight": weights[name]},
            }
            for name in names
        ]
        prune = parameters.pop("prune")
        if prune in ("none", "dppa"):
            merge = parameters.pop("merge")
        return {
            "merge_method": prune if prune == "dppa" else f"sluice-{merge if prune == 'none' else prune}",
            "base_model": os.path.abspath(os.path.join(self.family, "base")),
            "models": models, "parameters": parameters,
        }

    def shares(self, names, part, path):
        """Of each domain the share of the gain that is kept, and its standard error."""
        scores = self.scores(path, part, [self.domains[name] for name in names])
        self.count += 1
        self.tell(part, scores)
        found = []
        for name in names:
            domain = self.domains[name]
            base = self.alone[part, "base"][domain][0]
            gain = self.alone[part, name][domain][0] - base
            share, error = scores[domain]
            found.append(((share - base) / gain, error / gain))
        return found

    def groups(self, name):
        """The filters of the groups of a model: attention and the rest of blocks by thirds of the depth, and what is
        outside of blocks."""
        with open(os.path.join(self.family, name, "config.json")) as file:
            depth = json.load(file)["num_hidden_layers"]
        found = []
        for third in range(3):
            blocks = range(depth * third // 3, depth * (third + 1) // 3)
            for filters in (["attention", "self_attn"], [""]):
                found.append(
                    [
                        f"*.{block}.*{word}*" if word else f"*.{block}.*"
                        for block in blocks
                        for word in filters
                    ]
                )
        # Attention of all thirds comes first, so that the rest is what is left.
        return found[0::2] + found[1::2] + [[""]]


def value(shares):
    return statistics.geometric_mean([max(share, LEAST) for share, _ in shares])


def cell(shares, evaluations=0):
    mean = statistics.mean(share for share, _ in shares)
    error = math.sqrt(sum(error**2 for _, error in shares)) / len(shares)
    text = f"{100 * mean:.1f} ({100 * min(share for share, _ in shares):.1f}) ± {100 * error:.1f}"
    return text + (f", {evaluations}" if evaluations else "")


def search(score, starts, steps, limit):
    """The best factors: one after the other is multiplied and divided by a step, which shrinks where nothing helps."""
    best, used = None, 0
    for start in starts:
        factors, spent, step = list(start), 1, steps
        found = score(factors)
        while spent < limit and step > 1.02:
            improved = False
            for index in range(len(factors)):
                for move in (step, 1 / step):
                    if spent >= limit:
                        break
                    trial = factors[:index] + [factors[index] * move] + factors[index + 1 :]
                    now, spent = score(trial), spent + 1
                    if now > found:
                        factors, found, improved = trial, now, True
                        break
            if not improved:
                step = math.sqrt(step)
        used += spent
        if best is None or found > best[0]:
            best = (found, factors)
    return best[1], used


def one_model(bench, arguments, kept):
    """The cells of one model pruned: the mean over models."""
    rate = 1 - kept / 100
    flags = ["--pruning-rate", f"{rate:.4f}", "--merge", "sum"]
    ways = {
        "magnitude": [["--prune", "magnitude"]],
        "DARE": [["--prune", "dare", "--seed", str(seed)] for seed in range(arguments.seeds)],
        "DPPA, no factors": [["--prune", "dp"]],
        "row-l2": [ROWS + ["--rescale", "row-l2"]],
        "row-l2, 1.3": [ROWS + ["--rescale", "row-l2", "--row-l2-factor", "1.3"]],
        "compensated": [ROWS + ["--compensate", "own"]],
    }
    found = {}
    for title, runs in ways.items():
        all_shares = []
        for name in bench.names:
            each = [bench.shares([name], "test", bench.merge([name], run + flags))[0] for run in runs]
            all_shares.append(
                (statistics.mean(s for s, _ in each), statistics.mean(e for _, e in each))
            )
        found[title] = cell(all_shares)
    if arguments.evaluations == 0:
        return found
    all_shares, used = [], 0
    for name in bench.names:
        def run(factors, part):
            text = f"{name}=" + ",".join(f"{factor:.4f}" for factor in factors)
            path = bench.merge([name], ["--prune", "dppa"] + flags + ["--amplify", text])
            return bench.shares([name], part, path)

        # A rate has a partition of its own and of each tenth above it.
        width = len([r for r in range(1, 10) if r / 10 > rate + 1e-9]) + 1
        starts = [[1.0] * width, [2.0] * width][: arguments.starts]
        best, spent = search(lambda f: value(run(f, "validation")), starts, 1.5, arguments.evaluations)
        used += spent
        all_shares += run(best, "test")
    found["DPPA, searched"] = cell(all_shares, used)
    return found


def merge_ways(kept, grams):
    """The ways to merge: flags without a search."""
    if kept is None:
        ways = {
            "task arithmetic": ["--prune", "none", "--merge", "sum"],
            "average": ["--prune", "none", "--merge", "average"],
            "TIES": ["--prune", "none", "--merge", "ties", "--ties-flavor", "original"],
            "own-regmean": OWN,
        }
        if grams:
            ways["RegMean, inputs"] = ["--prune", "none", "--merge", "regmean"]
        return ways
    rate = ["--pruning-rate", f"{1 - kept / 100:.4f}"]
    sparse = ["--blend-rate", f"{1 - kept / 100:.4f}"]
    return {
        "task arithmetic": ["--prune", "magnitude", "--merge", "sum"] + rate,
        "task arithmetic, row-l2": ROWS + ["--rescale", "row-l2", "--merge", "sum"] + rate,
        "task arithmetic, compensated": ROWS + ["--compensate", "own", "--merge", "sum"] + rate,
        "average": ["--prune", "magnitude", "--merge", "average"] + rate,
        "TIES": ["--prune", "magnitude", "--merge", "ties"] + rate,
        "TIES + DPPA": ["--prune", "dppa", "--merge", "ties"] + rate,
        "own-regmean": OWN + sparse,
        "own-regmean, 1.3": OWN + sparse + ["--blend-factor", "1.3"],
        "own-regmean, compensated": OWN + sparse + ["--compensate", "own"],
    }


def merges(bench, arguments, names, kept):
    """The cells of a merge: without a search, with one factor, with a factor for each group."""
    rows = {}
    for title, flags in merge_ways(kept, arguments.grams).items():
        if "regmean" in flags:
            for name in names:
                flags = flags + ["--grams", f"{name}={arguments.grams}/{name}.safetensors"]
        cells = [cell(bench.shares(names, "test", bench.merge(names, flags)))]
        if arguments.evaluations == 0:
            rows[title] = cells + ["", ""]
            continue

        def scaled(factors):
            return bench.merge(names, flags + ["--merge-scale", f"{factors[0]:.4f}"])

        best, used = search(
            lambda f: value(bench.shares(names, "validation", scaled(f))), [[1.0]], 1.4,
            arguments.evaluations,
        )
        cells.append(cell(bench.shares(names, "test", scaled(best)), used))
        if "average" in flags or "regmean" in flags:
            cells.append("")
        else:
            groups = {name: bench.groups(name) for name in names}
            count = len(groups[names[0]])

            def weighted(factors):
                weights = {}
                for index, name in enumerate(names):
                    own = factors[index * count : (index + 1) * count]
                    weights[name] = [
                        {"filter": word, "value": round(factor, 4)} if word else {"value": round(factor, 4)}
                        for group, factor in zip(groups[name], own)
                        for word in group
                    ]
                return bench.merge(names, flags, weights)

            starts = [[1.0] * count * len(names), [best[0]] * count * len(names)][: arguments.starts]
            chosen, used = search(
                lambda f: value(bench.shares(names, "validation", weighted(f))), starts, 1.4,
                4 * arguments.evaluations,
            )
            cells.append(cell(bench.shares(names, "test", weighted(chosen)), used))
        rows[title] = cells
    return rows


def main():
    def numbers(text):
        return [float(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--family", required=True)
    parser.add_argument("--kind", choices=("encoders", "decoders"), required=True)
    parser.add_argument("--models")
    parser.add_argument("--kept", type=numbers, default=[20, 10, 5, 2])
    parser.add_argument("--merged-kept", type=numbers, default=[20, 5])
    parser.add_argument("--only", choices=("one", "merge"))
    parser.add_argument("--evaluations", type=int, default=12)
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--grams")
    parser.add_argument("--work")
    arguments = parser.parse_args()
    found = sorted(
        name for name in os.listdir(arguments.family)
        if os.path.exists(os.path.join(arguments.family, name, "config.json")) and name != "base"
    )
    names = arguments.models.split(",") if arguments.models else [
        name for name in found if not re.match("far-", name)
    ]
    bench = Bench(arguments, names)
    print("| model | " + " | ".join(bench.domains.values()) + " |")
    print("|---|" + "---|" * len(names))
    for name in ["base"] + names:
        cells = [f"{s:.1f} ± {e:.1f}" for s, e in bench.alone["test", name].values()]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if arguments.only != "merge":
        table = {kept: one_model(bench, arguments, kept) for kept in arguments.kept}
        print("\n| one model | " + " | ".join(f"{kept:g} %" for kept in arguments.kept) + " |")
        print("|---|" + "---|" * len(table))
        for title in next(iter(table.values())):
            print(f"| {title} | " + " | ".join(column[title] for column in table.values()) + " |", flush=True)
    if arguments.only != "one":
        for count in sorted({min(2, len(names)), len(names)} - {1}):
            for kept in [None] + arguments.merged_kept:
                title = "all deltas" if kept is None else f"{kept:g} %"
                print(f"\n| {count} models, {title} | no search | one factor | factors by group |")
                print("|---|---|---|---|")
                for way, cells in merges(bench, arguments, names[:count], kept).items():
                    print(f"| {way} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{bench.count} scores beside those of base and models.")


main()
