"""What compensation and blending cost: seconds, bytes and peak memory, beside DPPA.

    python3 bench/own/cost.py --sluice .build/release/sluice --data DIR [--work DIR] [--turns 3] [--threads 2]
                              [--memory 1GiB]

DIR has base, math and code, as `bench generate --shape llama-1.1b` makes them. Each way of merging takes turns with the
others; printed are the median of seconds, its ratio to DPPA's turn by turn, bytes read and left in intermediate
files, and the largest peak. About ten merges a turn: some ten minutes for three turns of the 1.1 B family.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROW = ["--prune", "magnitude", "--merge", "sum", "--pruning-rate", "0.8", "--mask-scope", "row"]
BLEND = ["--prune", "none", "--merge", "own-regmean"]
WAYS = {
    "dppa": ["--prune", "dppa", "--merge", "ties"],
    "sum": ["--prune", "none", "--merge", "sum"],
    "rows": ROW,
    "rows, row-l2": ROW + ["--rescale", "row-l2"],
    "rows, compensated, 16": ROW + ["--compensate", "own"],
    "dp, compensated, 16": ["--prune", "dp", "--merge", "sum", "--compensate", "own"],
    "rows, compensated, 64": ROW + ["--compensate", "own", "--sketch-rank", "64"],
    "own-regmean, 16": BLEND + ["--sketch-rank", "16"],
    "own-regmean, 32": BLEND,
    "own-regmean, 64": BLEND + ["--sketch-rank", "64"],
    "own-regmean, 32, sparse": BLEND + ["--blend-rate", "0.8", "--blend-factor", "1.3"],
    "own-regmean, 32, compensated": BLEND + ["--blend-rate", "0.95", "--compensate", "own"],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--work")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--models", default="math,code")
    arguments = parser.parse_args()
    work = arguments.work or tempfile.mkdtemp(prefix="own-cost-")
    os.makedirs(work, exist_ok=True)
    out = os.path.join(work, "out")
    found = {way: [] for way in WAYS}
    for turn in range(arguments.turns):
        for way, flags in WAYS.items():
            shutil.rmtree(out, ignore_errors=True)
            words = [arguments.sluice, "merge", "--base", os.path.join(arguments.data, "base")]
            for model in arguments.models.split(","):
                words += ["--model", f"{model}={os.path.join(arguments.data, model)}"]
            words += flags + ["--threads", arguments.threads, "--memory", arguments.memory]
            done = subprocess.run(words + ["--out", out], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{way}: {done.stderr}")
            with open(os.path.join(out, "sluice-report.json")) as file:
                found[way].append(json.load(file)["totals"])
            print(f"turn {turn + 1}: {way}: {found[way][-1]['seconds']:.2f} s", file=sys.stderr)
    shutil.rmtree(out, ignore_errors=True)
    print("| merge | seconds | x dppa | read MiB | left in files MiB | peak MiB |")
    print("|---|---|---|---|---|---|")
    for way, totals in found.items():
        pairs = zip(totals, found["dppa"])
        cells = [
            statistics.median(one["seconds"] for one in totals),
            statistics.median(one["seconds"] / other["seconds"] for one, other in pairs),
            max(one["bytesRead"] for one in totals) / 2**20,
            max(one.get("bytesSpilled", 0) for one in totals) / 2**20,
            max(one["peakMemory"] for one in totals) / 2**20,
        ]
        print(f"| {way} | {cells[0]:.2f} | {cells[1]:.2f} | " + " | ".join(f"{cell:.0f}" for cell in cells[2:]) + " |")


main()
