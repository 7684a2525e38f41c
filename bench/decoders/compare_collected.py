"""Compares what `sluice collect` and `docs/how-to/scripts/collect_inputs.py` write of the same model and texts.

    python bench/decoders/compare_collected.py --sluice .build/release/sluice MODEL

Texts are drawn; the largest difference of each file is told relative to the largest number of each tensor.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--sluice", required=True)
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


if __name__ == "__main__":
    main()
