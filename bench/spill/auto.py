"""Says whether `--spill auto` foresees what reading again and spilling take, and whether it picks the faster.

    python auto.py SLUICE --data DIR --work DIR [--only NAME] [--turns N] [--rate 400]

DIR of --data has the family `llama-1.1b` of `bench generate` and one of 4 layers and eight fine-tunes (`bench generate --layers 4 --models 8`), as
`llama-1.1b-layers-4`; --work lies on the disk that is measured. Every merge runs with its inputs dropped from the page cache, in a memory
group of version 1, which is the cache that it has; of a disk that is throttled the block-I/O group lets --rate MB/s through, each way. Needs root.

In each turn: a merge with `auto`, one that reads again, and one with each codec. What `auto` expects, and why it picked what it did,
is what its report says. Prints a line for each situation: the median seconds of each way, those that were foreseen with the part by
which they are off, and what was picked. A pick is right if it took at most a tenth longer than the fastest way, which is what a spill has to save.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from groups import Group, device_of, drop

MIB = 1 << 20
# Family, how many fine-tunes, memory group, budget, and whether the disk is throttled.
SITUATIONS = {
    "fast-1": ("llama-1.1b-layers-4", 1, 512, 128, False),
    "fast-2": ("llama-1.1b-layers-4", 2, 512, 128, False),
    "fast-8": ("llama-1.1b-layers-4", 8, 1024, 256, False),
    "large-2": ("llama-1.1b", 2, 1024, 512, False),
    "small-group-2": ("llama-1.1b", 2, 256, 64, False),
    "throttled-1": ("llama-1.1b-layers-4", 1, 512, 128, True),
    "throttled-2": ("llama-1.1b-layers-4", 2, 512, 128, True),
    "throttled-8": ("llama-1.1b-layers-4", 8, 1024, 256, True),
}
WAYS = ["auto", "off", "none", "rice"]


def merge(options, situation, way, models, device):
    family, _, limit, budget, is_throttled = situation
    folder = f"{options.data}/{family}"
    files = [f"{folder}/{model}/{name}" for model in ["base"] + models for name in os.listdir(f"{folder}/{model}")]
    out = f"{options.work}/auto-out"
    shutil.rmtree(out, ignore_errors=True)
    command = [options.sluice, "merge", "--base", f"{folder}/base", "--out", out, "--quiet", "--memory", f"{budget}MiB", "--spill", way]
    for model in models:
        command += ["--model", f"{model}={folder}/{model}"]
    drop([name for name in files if name.endswith(".safetensors")])
    group = Group(limit * MIB, device, options.rate * 10**6 if is_throttled else 0)
    started = time.monotonic()
    done = subprocess.run(command, preexec_fn=group.enter, capture_output=True, text=True)
    seconds = time.monotonic() - started
    group.remove()
    if done.returncode:
        sys.exit(f"auto: {' '.join(command)}\n{done.stderr}")
    with open(f"{out}/sluice-report.json") as file:
        report = json.load(file)
    shutil.rmtree(out)
    return seconds, report["explanation"]["spill"], [one["seconds"] for one in report["explanation"]["passes"]]


def foreseen(reason):
    """Seconds of reading again and of the best spill, as the reason names them."""
    again = re.search(r"again[^,;]*?(\d+\.\d) s", reason)
    packed = re.search(r"pack[^,;]*?(\d+\.\d) s", reason)
    return [float(found[1]) if found else None for found in (again, packed)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--only", default="", help="situations, with commas between")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=int, default=400)
    options = parser.parse_args()
    device = device_of(options.work)
    print("| situation | read again | none | rice | foreseen: again | packed | `auto` picked | took | right |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.only.split(",") if options.only else SITUATIONS:
        situation = SITUATIONS[name]
        folder = f"{options.data}/{situation[0]}"
        models = sorted(model for model in os.listdir(folder) if model != "base" and os.path.isdir(f"{folder}/{model}"))[:situation[1]]
        taken = {way: [] for way in WAYS}
        forecasts, picks, passes = [], [], {way: [] for way in WAYS}
        for turn in range(options.turns):
            for place in range(len(WAYS)):
                way = WAYS[(turn + place) % len(WAYS)]
                seconds, spill, parts = merge(options, situation, way, models, device)
                taken[way].append(seconds)
                passes[way].append(parts)
                if way == "auto":
                    forecasts.append(foreseen(spill["reason"]))
                    picks.append(spill.get("codec") or "off")
                    print(f"{name}: {spill['reason']}", file=sys.stderr)
        median = {way: statistics.median(taken[way]) for way in WAYS}

        def part(seconds, measured):
            return "-" if seconds is None else f"{seconds:.1f} ({100 * (seconds / measured - 1):+.0f} %)"
        fastest = min(median[way] for way in WAYS if way != "auto")
        best = min(median[way] for way in WAYS if way not in ("auto", "off"))
        again, packed = ([one[i] for one in forecasts if one[i] is not None] for i in range(2))
        pick = statistics.mode(picks)
        print(f"| {name} | " + " | ".join(f"{median[way]:.2f}" for way in WAYS[1:])
              + f" | {part(statistics.median(again) if again else None, median['off'])} | {part(statistics.median(packed) if packed else None, median.get(pick, best) if pick != 'off' else best)}"
              + f" | {', '.join(f'{one} x{picks.count(one)}' for one in sorted(set(picks)))} | {median['auto']:.2f} | {'yes' if median[pick] <= 1.1 * fastest else 'no'} |", flush=True)
        for way in WAYS:
            parts = [statistics.median(column) for column in zip(*passes[way])]
            print(f"{name}, {way}: passes of " + ", ".join(f"{one:.2f}" for one in parts) + " s", file=sys.stderr)


main()
