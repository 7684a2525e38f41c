"""What pruned and merged models keep of what their fine-tuning gained, with and without a search.

    python3 bench/own/tables.py --sluice .build/release/sluice --family DIR --kind encoders|decoders|real-model
                                [--models a,b,c] [--kept 20,10,5,2] [--merged-kept 20,5] [--counts 2,3]
                                [--only alone|one|merge] [--evaluations 8] [--group-evaluations 32] [--by-group WAYS]
                                [--starts 2] [--seeds 3] [--ways WAYS] [--grams DIR] [--work DIR]

DIR is what train_encoders.py, train_decoders.py or ../real-model/make_family.py writes: base and the fine-tunes. --models
names those that are merged (the first two, then all), by default all but far-*; a model belongs to the domain that its
name ends with. Factors are searched on validation, all figures are of test. A cell is the share of the gain over the base that is kept,
(score - base) / (own - base), in percent: the mean over domains, in brackets the least of them and their geometric mean (none
below 1), then the standard error of the mean, from the number of examples, and how often a model was scored for
a search. Searches make the geometric mean large: one factor goes from 1; factors by group of modules (of the ways
that --by-group names, with semicolons) from --starts starts, 1 and the one factor, --group-evaluations in each, the one that does better on
validation counts and the test of the other stands behind it. With --evaluations 0 nothing is searched. Random masks are
drawn from several seeds and averaged. --ways picks rows, with semicolons.
With --grams, which holds MODEL.safetensors as `sluice collect --grams` or collect_grams.py write them, RegMean with inputs
has a row. Prints markdown row by row; a line for each score goes to standard error. Needs torch and transformers.
"""

import argparse
import os
import re
import statistics
import sys

from family import GROUPS, KINDS, Family, cell, search, value

ROWS = ["--prune", "magnitude", "--mask-scope", "row"]
OWN = ["--prune", "none", "--merge", "own-regmean"]
# As regmean and own-regmean do it: embeddings, norms and biases are averaged, whatever is done to linear layers.
REST = ["--nonlinear", "average"]


def one_model_ways(seeds):
    """How one model is pruned: runs that are averaged."""
    return {
        "magnitude": [["--prune", "magnitude"]],
        f"DARE, {seeds} draws": [["--prune", "dare", "--seed", str(seed)] for seed in range(seeds)],
        "DPPA, no factors": [["--prune", "dp"]],
        "`row-l2`": [ROWS + ["--rescale", "row-l2"]],
        "`row-l2`, 1.3": [ROWS + ["--rescale", "row-l2", "--row-l2-factor", "1.3"]],
        "compensated": [ROWS + ["--compensate", "own"]],
    }


def merge_ways(kept, grams):
    """How models are merged: flags."""
    if kept is None:
        ways = {
            "task arithmetic": ["--prune", "none", "--merge", "sum"],
            "task arithmetic, rest averaged": ["--prune", "none", "--merge", "sum"] + REST,
            "average": ["--prune", "none", "--merge", "average"],
            "TIES": ["--prune", "none", "--merge", "ties", "--ties-flavor", "original"],
            "TIES, rest averaged": ["--prune", "none", "--merge", "ties", "--ties-flavor", "original"] + REST,
            "`own-regmean`": OWN,
        }
        if grams:
            ways["RegMean, inputs"] = ["--prune", "none", "--merge", "regmean"]
        return ways
    rate = ["--pruning-rate", f"{1 - kept / 100:.4f}"]
    sparse = ["--blend-rate", f"{1 - kept / 100:.4f}"]
    compensated = ROWS + ["--compensate", "own", "--merge", "sum"] + rate
    return {
        "task arithmetic": ["--prune", "magnitude", "--merge", "sum"] + rate,
        "task arithmetic, `row-l2`": ROWS + ["--rescale", "row-l2", "--merge", "sum"] + rate,
        "task arithmetic, compensated": compensated,
        "task arithmetic, compensated, rest averaged": compensated + REST,
        "average": ["--prune", "magnitude", "--merge", "average"] + rate,
        "TIES": ["--prune", "magnitude", "--merge", "ties"] + rate,
        "TIES and DPPA": ["--prune", "dppa", "--merge", "ties"] + rate,
        "`own-regmean`, 1.3": OWN + sparse + ["--blend-factor", "1.3"],
        "`own-regmean`, compensated": OWN + sparse + ["--compensate", "own"],
    }


def picked(title, ways):
    return ways is None or title.replace("`", "") in ways


def print_row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def print_head(*cells):
    print()
    print_row(*cells)
    print("|---" * len(cells) + "|", flush=True)


def print_alone(family):
    """Base and models on every domain, and what the best of them keeps of all."""
    print_head("model", *family.domains.values(), "share of the gains")
    best = None
    for name in ["base"] + family.names:
        scores = family.alone["test", name]
        shares = family.shares_of(scores, "test", family.names)
        print_row(name, *(f"{share:.1f} ± {error:.1f}" for share, error in scores.values()), cell(shares))
        mean = statistics.mean(share for share, _ in shares)
        best = max(best or (mean, name), (mean, name))
    print(f"\nBest single model: {best[1]}.")


def print_one_model(family, arguments):
    """One model pruned: the mean over models."""
    print_head("one model", *(f"{kept:g} %" for kept in arguments.kept))

    def merged(kept):
        return ["--pruning-rate", f"{1 - kept / 100:.4f}", "--merge", "sum"]

    for title, runs in one_model_ways(arguments.seeds).items():
        if not picked(title, arguments.ways):
            continue
        cells = []
        for kept in arguments.kept:
            found = []
            for name in family.names:
                each = [
                    family.shares([name], "test", family.merge([name], run + merged(kept)))[0] for run in runs
                ]
                found.append((statistics.mean(s for s, _ in each), statistics.mean(e for _, e in each)))
            cells.append(cell(found))
        print_row(title, *cells)
    if arguments.evaluations and picked("DPPA, searched", arguments.ways):
        cells = [cell(*searched_dppa(family, arguments, kept, merged(kept))) for kept in arguments.kept]
        print_row("DPPA, searched", *cells)


def searched_dppa(family, arguments, kept, flags):
    """The shares of each model pruned with DPPA's factors, and evaluations in all."""
    # A rate has a partition of its own and of each tenth above it.
    width = 1 + sum(tenth / 10 > 1 - kept / 100 + 1e-9 for tenth in range(1, 10))
    found, used = [], 0
    for name in family.names:

        def run(factors, part):
            text = f"{name}=" + ",".join(f"{factor:.4f}" for factor in factors)
            path = family.merge([name], ["--prune", "dppa"] + flags + ["--amplify", text])
            return family.shares([name], part, path)

        factors, _, spent = search(
            lambda f: value(run(f, "validation")), [1.5] * width, 1.5, arguments.evaluations, 1
        )
        used += spent
        found += run(factors, "test")
    return found, used


def one_factor(family, arguments, names, flags):
    """The cell of a merge with one factor for all, and the factor."""

    def scaled(factors):
        return family.merge(names, flags + ["--merge-scale", f"{factors[0]:.4f}"])

    best, _, used = search(
        lambda f: value(family.shares(names, "validation", scaled(f))), [1.0], 1.5, arguments.evaluations, 1
    )
    return cell(family.shares(names, "test", scaled(best)), used) + f", x {best[0]:.2f}", best[0]


def factors_by_group(family, arguments, names, flags, factor):
    """The cell of a merge with factors for each model and group of tensors."""

    def weighted(factors):
        return family.merge(names, flags, family.weights(names, factors))

    width, found, used = GROUPS * len(names), [], 0
    for index, start in enumerate([1.0, factor][: arguments.starts]):
        factors, score, spent = search(
            lambda f: value(family.shares(names, "validation", weighted(f))), [start] * width, 1.4,
            arguments.group_evaluations, index,
        )
        used += spent
        found.append((score, family.shares(names, "test", weighted(factors))))
    found.sort(key=lambda one: one[0])
    others = "".join(f"; {cell(shares)}" for _, shares in found[:-1])
    return cell(found[-1][1], used) + others


def print_merges(family, arguments, names, kept):
    title = "all deltas" if kept is None else f"{kept:g} %"
    searched = ["one factor", "factors by group"] if arguments.evaluations else []
    print_head(f"{len(names)} models, {title}", "no search", *searched)
    for way, flags in merge_ways(kept, arguments.grams).items():
        if not picked(way, arguments.ways):
            continue
        if "regmean" in flags:
            for name in names:
                flags = flags + ["--grams", f"{name}={arguments.grams}/{name}.safetensors"]
        cells = [cell(family.shares(names, "test", family.merge(names, flags)))]
        if arguments.evaluations:
            text, factor = one_factor(family, arguments, names, flags)
            by_group = picked(way, arguments.by_group)
            cells += [text, factors_by_group(family, arguments, names, flags, factor) if by_group else ""]
        print_row(way, *cells)


def main():
    def numbers(text):
        return [float(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--family", required=True)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--models")
    parser.add_argument("--kept", type=numbers, default=[20, 10, 5, 2])
    parser.add_argument("--merged-kept", type=numbers, default=[20, 5])
    parser.add_argument("--counts", type=numbers, default=[2, 3])
    parser.add_argument("--only", choices=("alone", "one", "merge"))
    parser.add_argument("--evaluations", type=int, default=8)
    parser.add_argument("--group-evaluations", type=int, default=32)
    parser.add_argument(
        "--by-group", type=lambda text: text.split(";"),
        default="task arithmetic;TIES;TIES and DPPA;own-regmean;own-regmean, compensated",
    )
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", type=lambda text: text.split(";"))
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
    family = Family(arguments.sluice, arguments.family, arguments.kind, names, arguments.work)
    print_alone(family)
    if arguments.only in (None, "one"):
        print_one_model(family, arguments)
    if arguments.only in (None, "merge"):
        for count in arguments.counts:
            for kept in [None] + arguments.merged_kept:
                print_merges(family, arguments, names[: int(count)], kept)
    print(f"\n{family.count} scores beside those of base and models.")


main()
