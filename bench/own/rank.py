"""How many directions own-regmean needs: width of layers, number of models, and what the directions hold.

    python3 bench/own/rank.py [--family DIR] [--widths 128,256,512,1024,2048,4096] [--models 2,3,4,5]
                              [--ranks 8,16,32,64,128] [--rows 512] [--seed 0]

Makes layers of deltas with the spectra of trained models: those of DIR/base against the other directories in DIR, or
without it those that were measured on a sentence encoder. A wider layer has the spectrum in proportion to its width (the hard case), or
the same directions as the narrow one and a longer tail (the easy one); both are printed. Inputs of a model are drawn
from what its deltas picture. A merge is judged by what is left of the outputs' error of the mean of the models:
0 % is the mean itself, 100 % the equation with all directions. For each width and number of models the
table has that share for each rank, the share of the deltas' squares that the directions hold, and the smallest rank
that reaches 95 %. Needs NumPy, and for DIR safetensors; some minutes.
"""

import argparse
import os
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: there is no NumPy")
    sys.exit(0)

SHARE, GOAL = 0.1, 0.95
# Singular values of the deltas of two all-MiniLM-L6-v2, tuned on retrieval for 80 steps each (mean of all linear layers, of
# 384 inputs or outputs), by the place in the spectrum, as shares of the first.
PLACES = [0.0026, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0]
VALUES = [1.0, 0.6560, 0.4396, 0.2949, 0.1835, 0.1002, 0.0525, 0.0285, 0.0121, 0.0001]


def measured(family):
    """The mean spectrum of all linear layers of a family, by the place in it."""
    from safetensors.numpy import load_file

    def load(name):
        tensors = {}
        for file in sorted(os.listdir(os.path.join(family, name))):
            if file.endswith(".safetensors"):
                tensors.update(load_file(os.path.join(family, name, file)))
        return tensors

    base, found, width = load("base"), [], 0
    for name in sorted(os.listdir(family)):
        if name == "base" or not os.path.exists(os.path.join(family, name, "config.json")):
            continue
        tuned = load(name)
        for key, weights in base.items():
            if weights.ndim != 2 or "embed" in key or min(weights.shape) < 64:
                continue
            delta = tuned[key].astype(np.float64) - weights
            values = np.linalg.svd(delta, compute_uv=False)
            if values[0] > 0:
                places = np.arange(1, len(values) + 1) / len(values)
                found.append(np.interp(np.log(PLACES), np.log(places), np.log(values / values[0])))
                width = max(width, len(values))
    if not found:
        sys.exit(f"{family} has no models beside base")
    return list(np.exp(np.mean(found, axis=0))), width


def spectrum(width, values, own_width, in_proportion):
    places = np.arange(1, width + 1) / (width if in_proportion else own_width)
    return np.exp(np.interp(np.log(places), np.log(PLACES), np.log(values)))


def layer(draw, rows, width, values):
    """Deltas with a spectrum, of directions that are drawn."""
    left = np.linalg.qr(draw.normal(size=(rows, min(rows, width))))[0]
    right = np.linalg.qr(draw.normal(size=(width, min(rows, width))))[0]
    return (left * values[: left.shape[1]]) @ right.T


def basis(vectors):
    return np.linalg.qr(vectors.T)[0].T


def directions(draw, deltas, rank):
    """As sluice finds them."""
    outputs, inputs = deltas[0].shape
    count, stacked = min(outputs, max(128, 4 * rank)), []
    for delta in deltas:
        sums = np.zeros((count, inputs))
        signs = draw.choice([-1.0, 1.0], size=(outputs, 1))
        np.add.at(sums, np.arange(outputs) % count, signs * delta)
        stacked.append(sums / np.linalg.norm(delta))
    stacked = np.vstack(stacked)
    square = stacked @ stacked.T
    width = min(len(deltas) * min(rank, outputs), inputs)
    left = draw.choice([-1.0, 1.0], size=(width, len(stacked)))
    for _ in range(3):
        left = basis(left @ square)
    return basis(left @ stacked)


def merged(deltas, found):
    """The merged deltas along directions; all of them if there are none given."""
    count, inputs = len(deltas), deltas[0].shape[1]
    projected = deltas if found is None else [delta @ found.T for delta in deltas]
    means = [np.sum(delta**2) / inputs for delta in deltas]
    whole = count * SHARE * np.eye(projected[0].shape[1])
    wanted = 0
    for own, mean in zip(projected, means):
        whole += own.T @ own / mean
        wanted = wanted + own @ own.T @ own / mean + SHARE * own
    solved = np.linalg.solve(whole, wanted.T).T
    if found is None:
        return solved
    return sum(deltas) / count + (solved - sum(projected) / count) @ found


def disturbance(deltas, whole):
    """The error of the outputs on inputs as the deltas picture them, as a share of what the deltas put out."""
    shares = []
    for delta in deltas:
        error = whole - delta
        own = np.sum((error @ delta.T) ** 2) / np.sum((delta @ delta.T) ** 2)
        shares.append(own)
    return np.mean(shares)


def main():
    def numbers(text):
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser()
    parser.add_argument("--family")
    parser.add_argument("--widths", type=numbers, default=[128, 256, 512, 1024, 2048, 4096])
    parser.add_argument("--models", type=numbers, default=[2, 3, 4, 5])
    parser.add_argument("--ranks", type=numbers, default=[8, 16, 32, 64, 128])
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    values, own_width = measured(arguments.family) if arguments.family else (VALUES, 384)
    print("spectrum: " + ", ".join(f"{place} {value:.4f}" for place, value in zip(PLACES, values)))
    print("| spectrum | width | models | " + " | ".join(f"{r}" for r in arguments.ranks) + " | rank for 95 % |")
    print("|---|---|---|" + "---|" * len(arguments.ranks) + "---|")
    for in_proportion in (False, True):
        for width in arguments.widths:
            for count in arguments.models:
                draw = np.random.default_rng(arguments.seed)
                own = spectrum(width, values, own_width, in_proportion)
                deltas = [layer(draw, min(arguments.rows, width), width, own) for _ in range(count)]
                mean = disturbance(deltas, sum(deltas) / count)
                best = disturbance(deltas, merged(deltas, None))
                cells, needed = [], None
                for rank in arguments.ranks:
                    found = directions(draw, deltas, rank)
                    left = disturbance(deltas, merged(deltas, found))
                    share = (mean - left) / (mean - best)
                    held = np.mean([np.sum((d @ found.T) ** 2) / np.sum(d**2) for d in deltas])
                    cells.append(f"{100 * share:.0f} ({100 * held:.0f})")
                    if needed is None and share >= GOAL:
                        needed = (rank, held)
                title = "in proportion" if in_proportion else "as measured"
                end = f"{needed[0]} (holds {100 * needed[1]:.0f})" if needed else f"> {arguments.ranks[-1]}"
                print(f"| {title} | {width} | {count} | " + " | ".join(cells) + f" | {end} |", flush=True)


main()
