"""Times sluice and mergekit on the same models, one run of each in turn, for every method of mergekit's grammar.

    python speed.py SLUICE --family DIR [--methods linear,ties] [--only sluice|mergekit] [--memory 512MiB] [--work DIR]

DIR holds `base` and two or more fine-tunes (`math`, `code`, ...) of one shape. For each method: `cat` of the inputs that the method reads,
once, with a plain write of as many bytes as come out, or `cp` where nothing is computed (the floor), then `sluice mergekit-yaml`, then `mergekit-yaml` (CPU). The table has
seconds and peak resident memory of both, how many times faster sluice is, and its seconds as a multiple of the floor. A peak of more than --memory and
64 MiB is marked, and the script then ends with 1. Outputs are removed after each run; at most two of them lie on the disk at once. Both programs
are run with all files in the page cache, as far as it holds them. Without mergekit-yaml on the path, its half is left out.
"""
import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

# Parameters of each model, those for all, the fewest and the most models beside the base, and whether the base is one of the inputs.
WEIGHT = {"weight": 0.5}
SPARSE = {"weight": 0.5, "density": 0.5}
METHODS = {
    "linear": (WEIGHT, {}, 2, 9, False),
    "slerp": ({}, {"t": 0.4}, 1, 1, True),
    "nuslerp": (WEIGHT, {}, 2, 2, False),
    "multislerp": (WEIGHT, {}, 2, 9, False),
    "karcher": ({}, {}, 2, 9, False),
    "passthrough": ({}, {}, 1, 1, False),
    "task_arithmetic": (WEIGHT, {}, 2, 9, True),
    "ties": (SPARSE, {}, 2, 9, True),
    "dare_linear": (SPARSE, {}, 2, 9, True),
    "dare_ties": (SPARSE, {}, 2, 9, True),
    "breadcrumbs": (SPARSE, {}, 2, 9, True),
    "breadcrumbs_ties": (SPARSE, {}, 2, 9, True),
    "della": (SPARSE, {"epsilon": 0.1}, 2, 9, True),
    "della_linear": (SPARSE, {"epsilon": 0.1}, 2, 9, True),
    "model_stock": ({}, {}, 2, 9, True),
    "sce": ({}, {"select_topk": 0.5}, 2, 9, True),
    "nearswap": ({}, {"t": 0.001}, 1, 1, True),
    "ram": ({}, {}, 2, 9, True),
    "ramplus_tl": ({}, {}, 2, 9, True),
    "arcee_fusion": ({}, {}, 1, 1, True),
    # Two more that are no methods of their own: layers put in a stack, and a merge of slices.
    "stack": None,
    "slices": None,
}


def recipe(method, base, tuned, layers):
    """The recipe, as YAML that is JSON, and the models that it reads."""
    if method == "stack":
        slices = [{"sources": [{"model": model, "layer_range": [0, layers]}]} for model in tuned[:2]]
        return {"merge_method": "passthrough", "dtype": "bfloat16", "slices": slices}, tuned[:2]
    if method == "slices":
        half = layers // 2
        slices = [{"sources": [{"model": model, "layer_range": cut, "parameters": {"weight": weight}} for model, weight in zip(tuned, (0.6, 0.4))]}
                  for cut in ([0, half], [half, layers])]
        return {"merge_method": "linear", "dtype": "bfloat16", "slices": slices}, tuned[:2]
    own, shared, least, most, needs_base = METHODS[method]
    models = tuned[:most]
    if len(models) < least:
        sys.exit(f"{method} needs {least} models beside the base")
    text = {"merge_method": method, "dtype": "bfloat16", "parameters": shared,
            "models": [{"model": model, "parameters": own} for model in models]}
    if needs_base:
        text["base_model"] = base
    return text, models + ([base] if needs_base else [])


def size(folder):
    return sum(os.path.getsize(f"{folder}/{name}") for name in os.listdir(folder) if name.endswith(".safetensors"))


def run(command, log, **more):
    """Seconds, peak bytes and exit code of a process."""
    started = time.monotonic()
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **more)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - started, usage.ru_maxrss * 1024, process.returncode


def floor(method, models, written, work):
    """Reading what a method reads once, and writing as much as comes out; where layers are only copied, copying them."""
    files = [f"{model}/{name}" for model in models for name in sorted(os.listdir(model)) if name.endswith(".safetensors")]
    os.makedirs(f"{work}/floor")
    if method in ("passthrough", "stack"):
        script = 'for file in "${@:3}"; do n=$((n + 1)); cp --reflink=never "$file" "$1/$n"; done'
    else:
        script = 'cat "${@:3}" >/dev/null; head -c "$2" /dev/zero >"$1/out"'
    seconds, _, _ = run(["bash", "-c", script, "floor", f"{work}/floor", str(written), *files], f"{work}/floor.log")
    shutil.rmtree(f"{work}/floor")
    return seconds


def peak_of_report(out):
    """The peak that the system counted for the process, by its own report: wait4 has none below that of this script."""
    with open(f"{out}/sluice-report.json") as file:
        text = file.read()
    found = re.search(r'"peakMemory": *(\d+)', text)
    return int(found[1]) if found else None


def parse_size(text):
    number, unit = re.fullmatch(r"(\d+)([KMG]iB)", text).groups()
    return int(number) << {"KiB": 10, "MiB": 20, "GiB": 30}[unit]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--family", required=True)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--only", choices=["sluice", "mergekit"])
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--work")
    options = parser.parse_args()
    family = os.path.realpath(options.family)
    base = f"{family}/base"
    tuned = sorted(f"{family}/{name}" for name in os.listdir(family) if name != "base" and os.path.isdir(f"{family}/{name}"))
    with open(f"{base}/config.json") as file:
        layers = json.load(file)["num_hidden_layers"]
    theirs = shutil.which("mergekit-yaml", path=os.path.dirname(sys.executable) + ":" + os.environ["PATH"])
    if not theirs and options.only != "sluice":
        print("speed: mergekit's half is left out, since there is no mergekit-yaml (bench/mergekit/install)")
    work = tempfile.mkdtemp(dir=options.work)
    limit = parse_size(options.memory) + (64 << 20)
    too_large = 0
    print("| method | floor, s | sluice, s | its peak, MiB | mergekit, s | its peak, MiB | times faster | sluice / floor |")
    print("|---|---|---|---|---|---|---|---|")
    for method in options.methods.split(","):
        text, models = recipe(method, base, tuned, layers)
        path, out = f"{work}/recipe.yaml", f"{work}/out"
        run_block = {"run": {"memory": options.memory}}
        with open(path, "w") as file:
            json.dump(text | run_block, file)
        own = other = (None, None)
        written = size(base) * (2 if method in ("stack", "ramplus_tl", "arcee_fusion") else 1)
        least = floor(method, models, written, work)
        if options.only != "mergekit":
            seconds, peak, code = run([options.sluice, "mergekit-yaml", path, out, "--quiet"], f"{work}/sluice.log")
            if code:
                print(f"| {method} | sluice: {open(f'{work}/sluice.log').read().strip().splitlines()[:1]} |")
            else:
                own = (seconds, min(peak, peak_of_report(out) or peak))
                too_large += own[1] > limit
            shutil.rmtree(out, ignore_errors=True)
        if theirs and options.only != "sluice":
            with open(path, "w") as file:
                json.dump(text, file)
            seconds, peak, code = run([theirs, path, out], f"{work}/mergekit.log")
            if code:
                print(f"| {method} | mergekit: {open(f'{work}/mergekit.log').read().strip().splitlines()[-1:]} |")
            else:
                other = (seconds, peak)
            shutil.rmtree(out, ignore_errors=True)

        def number(value, digits=1):
            return "" if value is None else f"{value:.{digits}f}"
        def mebibytes(value):
            return None if value is None else value / (1 << 20)
        mark = " (!)" if own[1] and own[1] > limit else ""
        faster = other[0] / own[0] if own[0] and other[0] else None
        print(f"| {method} | {number(least)} | {number(own[0], 2)} | {number(mebibytes(own[1]), 0)}{mark} | {number(other[0])} | "
              f"{number(mebibytes(other[1]), 0)} | {number(faster)} | {number(own[0] / least if own[0] else None, 2)} |", flush=True)
    shutil.rmtree(work)
    sys.exit(too_large > 0)


main()
