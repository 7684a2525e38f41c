"""Compares what `sluice collect` and `docs/how-to/scripts/collect_inputs.py` write of the same model and texts.

    python bench/decoders/compare_collected.py --sluice .build/release/sluice MODEL [--base BASE]

Texts are drawn; the largest difference of each file is told relative to the largest number of each tensor. With the
model's base, merges by wanda, sparsegpt and regmean with either file are compared, too: how many weights differ, and by how much.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "docs", "how-to", "scripts", "collect_inputs.py")


def difference(first, second):
    """The largest difference between two files, relative to each tensor's largest number."""
    a, b = load_file(first), load_file(second)
    if a.keys() != b.keys():
        sys.exit(f"error: the files have other tensors: {sorted(a.keys() ^ b.keys())[:3]}")
    return max(float((a[n] - b[n]).abs().max() / b[n].abs().max()) for n in a)


METHODS = {
    "wanda": (0, "--activations", ["--prune", "wanda", "--pruning-rate", "0.5", "--merge", "sum"]),
    "sparsegpt": (1, "--grams", ["--prune", "sparsegpt", "--pruning-rate", "0.5", "--merge", "sum"]),
    "regmean": (1, "--grams", ["--prune", "none", "--merge", "regmean"]),
}


def compare_merges(options, files, work):
    """Merges the model and its base by each method that reads such files, with either."""
    for method, (which, flag, words) in METHODS.items():
        merged = []
        for who in files:
            out = os.path.join(work, f"{method}-{who}")
            models = {"model": options.model}
            if method == "regmean":
                models["other"] = options.model
            command = [options.sluice, "merge", "--base", options.base, "--out", out, "--quiet", *words]
            for name, path in models.items():
                command += ["--model", f"{name}={path}", flag, f"{name}={files[who][which]}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            tensors = {}
            for name in os.listdir(out):
                if name.endswith(".safetensors"):
                    tensors.update(load_file(os.path.join(out, name)))
            merged.append(tensors)
        a, b = merged
        count = sum(t.numel() for t in a.values())
        other = sum(int((a[n] != b[n]).sum()) for n in a)
        most = max(float((a[n].float() - b[n].float()).abs().max() / b[n].float().abs().max()) for n in a)
        print(f"{method}: {other} of {count} weights differ, by {most:.1e} of the largest of their tensor at most")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--base")
    parser.add_argument("--texts", type=int, default=16)
    options = parser.parse_args()
    with open(os.path.join(options.model, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    rng = random.Random(1)
    texts = [[rng.randrange(vocabulary) for _ in range(rng.randrange(2, 200))] for _ in range(options.texts)]
    with tempfile.TemporaryDirectory() as work:
        ids = os.path.join(work, "texts.json")
        with open(ids, "w") as file:
            json.dump(texts, file)
        files = {who: [os.path.join(work, f"{who}-{what}") for what in ("norms", "grams")] for who in ("own", "theirs")}
        own, theirs = files["own"], files["theirs"]
        subprocess.run(
            [options.sluice, "collect", options.model, "--texts", ids, "--norms", own[0], "--grams", own[1], "--quiet"],
            check=True,
        )
        subprocess.run(
            [sys.executable, SCRIPT, options.model, ids, "--norms", theirs[0], "--grams", theirs[1]], check=True
        )
        for what, a, b in zip(("norms", "grams"), own, theirs):
            print(f"{what}: largest difference {difference(a, b):.2e}")
        if options.base:
            compare_merges(options, files, work)


if __name__ == "__main__":
    main()
