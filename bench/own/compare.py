"""Compares what sluice makes of deltas' own directions with a dense solution of the same equations in NumPy.

    python3 bench/own/compare.py --sluice .build/release/sluice [--work DIR] [--wide]

Makes the family of `sluice demo`, or with --wide one of a layer that sluice adds up in two blocks of rows. Merges
it in several ways with F32 output, and prints for each how many weights of the linear layers are the same bits as
the dense solution rounded to F32, and the largest difference as a share of the largest delta. Ends with 1 if a
difference is larger than F32 explains. The last line compares the shares, overlaps and effective ranks of `sluice offsets
--directions`. Needs NumPy; a few seconds, with --wide a minute and 1 GB of disk.
"""

import argparse
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: there is no NumPy")
    sys.exit(0)

GOLDEN = 0x9E3779B97F4A7C15
RATE, RANK, RIDGE, FACTOR, SHARE, ENERGY = 0.8, 16, 0.01, 1.3, 0.1, 0.75
TOLERANCE = 1e-5


def read(path):
    """The tensors of a directory of safetensors files as float64."""
    tensors = {}
    for name in sorted(os.listdir(path)):
        if not name.endswith(".safetensors"):
            continue
        with open(os.path.join(path, name), "rb") as file:
            data = file.read()
        (length,) = struct.unpack("<Q", data[:8])
        for key, entry in json.loads(data[8 : 8 + length]).items():
            if key == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            raw = data[8 + length + begin : 8 + length + end]
            if entry["dtype"] == "BF16":
                bits = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
                values = bits.view(np.float32)
            else:
                values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
            tensors[key] = values.astype(np.float64).reshape(entry["shape"])
    return tensors


def mixed(value):
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def draws(name, count, seed=0):
    """The numbers that are drawn for the first positions of a tensor: as dare draws for its first model."""
    start = mixed((seed + GOLDEN) % 2**64)
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    start ^= value
    return np.array([mixed((start + GOLDEN * (i + 1)) % 2**64) >> 40 for i in range(count)])


def row_sums(delta, count, drawn):
    """The rows, added up into a few with signs."""
    if len(delta) <= count:
        return delta
    sums = np.zeros((count, delta.shape[1]))
    for row, values in enumerate(delta):
        group = row - row % count
        place = (row + drawn[group] % 2**23 % count) % count
        sums[place] += values if drawn[row] >= 2**23 else -values
    return sums


def basis(vectors):
    return np.linalg.qr(vectors.T)[0].T


def directions_of(deltas, name, rank):
    """Directions that all deltas lie along, a row each; what is said of Float32 in sluice is Float64 here."""
    outputs, inputs = deltas[0].shape
    width = min(len(deltas) * min(rank, outputs), inputs)
    count = min(outputs, max(128, 4 * rank))
    drawn = draws(name, outputs + width * count * len(deltas))
    rows = np.vstack([row_sums(d, count, drawn) / np.linalg.norm(d) for d in deltas])
    square = rows @ rows.T
    left = np.where(drawn[outputs : outputs + width * len(rows)] >= 2**23, 1.0, -1.0)
    left = left.reshape(width, len(rows))
    for _ in range(3):
        left = basis(left @ (square / np.trace(square)))
    return left @ rows


def reversed32(number):
    return int(f"{number:032b}"[::-1], 2)


def row_mask(delta):
    """Keeps the largest of each row; of equal ones those whose running number is smaller backwards."""
    kept = np.zeros_like(delta)
    columns = delta.shape[1]
    quota = max(1, columns - math.ceil(RATE * columns))
    for row, values in enumerate(np.abs(delta)):
        order = np.argsort(-values, kind="stable")
        if np.count_nonzero(values == values[order[quota - 1]]) == 1:
            kept[row, order[:quota]] = delta[row, order[:quota]]
            continue
        seen, keys = {}, []
        for value in values:
            keys.append(reversed32(seen.get(value, 0)))
            seen[value] = seen.get(value, 0) + 1
        order = sorted(range(columns), key=lambda j: (-values[j], keys[j]))[:quota]
        kept[row, order] = delta[row, order]
    return kept


def compensated(delta, kept, directions):
    result = kept.copy()
    for row in range(len(delta)):
        chosen = kept[row] != 0
        own = directions[chosen]
        square = own.T @ own
        if np.trace(square) == 0:
            continue
        square += RIDGE * np.mean(np.diag(square)) * np.eye(len(square))
        missing = (delta[row] - kept[row]) @ directions
        result[row, chosen] += own @ np.linalg.solve(square, missing)
    return result


def restored(delta, kept):
    norms = np.linalg.norm(kept, axis=1, keepdims=True)
    whole = np.linalg.norm(delta, axis=1, keepdims=True)
    return kept * np.where(norms > 0, FACTOR * whole / np.where(norms > 0, norms, 1), 1)


def shares_of(deltas, grams):
    """Each Gram matrix, divided by the mean of the diagonal of its model's own."""
    inputs = deltas[0].shape[1]
    return [gram / (np.sum(delta**2) / inputs) for delta, gram in zip(deltas, grams)]


def parts_of(deltas, grams):
    """Each model's part of RegMean with Gram matrices of the deltas themselves."""
    inputs = deltas[0].shape[1]
    shares = shares_of(deltas, grams)
    whole = sum(shares) + len(deltas) * SHARE * np.eye(inputs)
    return [
        np.linalg.solve(whole, (delta @ (gram + SHARE * np.eye(inputs))).T).T
        for delta, gram in zip(deltas, shares)
    ]


def whole_grams(deltas):
    return [delta.T @ delta for delta in deltas]


def grams_along(deltas, found):
    return [found.T @ (found @ d.T @ d @ found.T) @ found for d in deltas]


def along_directions(deltas, name):
    return sum(parts_of(deltas, grams_along(deltas, basis(directions_of(deltas, name, RANK)))))


def along_share(deltas, name):
    """Along as many directions as hold a share of each model's squares."""
    found = basis(directions_of(deltas, name, 128))
    held = [np.cumsum(np.sum((d @ found.T) ** 2, axis=0)) / np.sum(d**2) for d in deltas]
    count = max(int(np.argmax(each >= ENERGY)) + 1 if each[-1] >= ENERGY else len(each) for each in held)
    return sum(parts_of(deltas, grams_along(deltas, found[:count])))


def by_whole_matrices(deltas, name):
    return sum(parts_of(deltas, whole_grams(deltas)))


def cut(part):
    """The largest of each row, of equal ones the first; and what is so near to a cut that the rounding to F32
    decides."""
    quota = max(1, part.shape[1] - math.ceil(RATE * part.shape[1]))
    order = np.argsort(-np.abs(part), axis=1, kind="stable")[:, :quota]
    kept = np.zeros_like(part)
    np.put_along_axis(kept, order, np.take_along_axis(part, order, axis=1), axis=1)
    least = np.take_along_axis(np.abs(part), order[:, -1:], axis=1)
    return kept, np.abs(np.abs(part) - least) < 1e-5 * np.max(np.abs(part))


def sparse_blend(deltas, name):
    """What is kept of each model's part, with the row's norm restored; nothing is said of what is near to a cut."""
    result = 0
    for part in parts_of(deltas, whole_grams(deltas)):
        kept, near = cut(part)
        result = result + np.where(near, np.nan, restored(part, kept))
    return result


def strongest(core, count):
    """The weights of directions of which the strongest are made, a row each."""
    if len(core) <= count:
        return np.linalg.cholesky(core).T
    rows = core[:count]
    for _ in range(3):
        rows = basis(rows) @ core
    rows = basis(rows)
    return np.linalg.cholesky(rows @ core @ rows.T).T @ rows


def compensated_blend(rank):
    """What is kept of each model's part, compensated along the strongest directions of all; nothing is said of rows in
    which something is as near to a cut as what is cut last."""

    def change(deltas, name):
        found = basis(directions_of(deltas, name, rank))
        grams = grams_along(deltas, found)
        core = found @ sum(shares_of(deltas, grams)) @ found.T
        along = found.T @ strongest(core, rank).T
        result = 0
        for part in parts_of(deltas, grams):
            kept, near = cut(part)
            doubtful = np.count_nonzero(near, axis=1, keepdims=True) > 1
            result = result + np.where(doubtful, np.nan, compensated(part, kept, along))
        return result

    return change


def one_by_one(change):
    """The sum of what becomes of each model's deltas."""
    return lambda deltas, name: sum(change(delta, name) for delta in deltas)


OWN = ["--prune", "none", "--merge", "own-regmean"]
SPARSE = ["--blend-rate", str(RATE), "--blend-factor", str(FACTOR)]

CASES = [
    (
        "mask by row, row-l2",
        ["--prune", "magnitude", "--merge", "sum", "--mask-scope", "row", "--rescale", "row-l2"]
        + ["--row-l2-factor", str(FACTOR), "--pruning-rate", str(RATE)],
        one_by_one(lambda delta, name: restored(delta, row_mask(delta))),
    ),
    (
        "mask by row, compensated",
        ["--prune", "magnitude", "--merge", "sum", "--mask-scope", "row", "--compensate", "own"]
        + ["--sketch-rank", str(RANK), "--ridge", str(RIDGE), "--pruning-rate", str(RATE)],
        one_by_one(
            lambda delta, name: compensated(
                delta, row_mask(delta), directions_of([delta], name, RANK).T
            )
        ),
    ),
    (
        f"own-regmean, {RANK} directions",
        OWN + ["--sketch-rank", str(RANK)],
        along_directions,
    ),
    (
        f"own-regmean, {ENERGY:.0%} of squares",
        OWN + ["--sketch-rank", f"{ENERGY:.0%}"],
        along_share,
    ),
    (
        "own-regmean, all directions",
        OWN + ["--sketch-rank", "1024"],
        by_whole_matrices,
    ),
    (
        "own-regmean, all directions, sparse",
        OWN + ["--sketch-rank", "1024"] + SPARSE,
        sparse_blend,
    ),
    (
        "own-regmean, whole Gram matrices",
        OWN + ["--sketch-rank", "all"],
        by_whole_matrices,
    ),
    (
        "own-regmean, whole Gram matrices, sparse",
        OWN + ["--sketch-rank", "all"] + SPARSE,
        sparse_blend,
    ),
    (
        f"own-regmean, {RANK} directions, compensated",
        OWN
        + ["--sketch-rank", str(RANK)]
        + ["--blend-rate", str(RATE), "--compensate", "own", "--ridge", str(RIDGE)],
        compensated_blend(RANK),
    ),
]


def compare_directions(offsets, tuned, base):
    """The largest difference between what `sluice offsets --directions` says and the same from NumPy."""
    worst = 0
    ranks = offsets["ranks"]
    for layer in offsets["layers"]:
        deltas = [model[layer["name"]] - base[layer["name"]] for model in tuned]
        found = [basis(directions_of([delta], layer["name"], max(ranks))) for delta in deltas]
        for a, delta in enumerate(deltas):
            energy = np.sum(delta**2)
            own = np.linalg.svd(delta @ found[a].T, compute_uv=False) ** 2
            left, others = energy - own.sum(), min(delta.shape) - len(own)
            rank = energy**2 / ((own**2).sum() + (left**2 / others if others > 0 else 0))
            worst = max(worst, abs(layer["effectiveRanks"][a] / rank - 1))
            for b, other in enumerate(found):
                for place, r in enumerate(layer["directions"]):
                    held = np.sum((delta @ other[:r].T) ** 2) / energy
                    overlap = np.sum((found[a][:r] @ other[:r].T) ** 2) / r
                    worst = max(worst, abs(layer["held"][a][b][place] - held))
                    worst = max(worst, abs(layer["overlap"][a][b][place] - overlap))
    return worst


def write(path, tensors):
    """A model of F32 in one file."""
    os.makedirs(path, exist_ok=True)
    header, end = {}, 0
    for name, values in tensors.items():
        size = values.size * 4
        header[name] = {
            "dtype": "F32", "shape": list(values.shape), "data_offsets": [end, end + size]
        }
        end += size
    text = json.dumps(header).encode()
    with open(os.path.join(path, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.astype("<f4").tobytes())
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump({"model_type": "llama", "tie_word_embeddings": True}, file)


def make_wide(models):
    """A family of one layer that is longer than a block of rows, of deltas with a few strong directions."""
    draw = np.random.default_rng(1)
    rows, columns = 5000, 4096
    names = ("model.layers.0.mlp.up_proj.weight", "model.embed_tokens.weight")
    write(
        os.path.join(models, "base"),
        {names[0]: np.zeros((rows, columns)), names[1]: np.zeros((8, columns))},
    )
    for model in ("math", "law"):
        strong = draw.normal(size=(rows, 12)) @ draw.normal(size=(12, columns))
        delta = 1e-3 * (draw.normal(size=(rows, columns)) + strong)
        write(os.path.join(models, model), {names[0]: delta, names[1]: draw.normal(size=(8, columns))})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--wide", action="store_true", help="one layer of 5000 x 4096 instead")
    parser.add_argument("--work")
    arguments = parser.parse_args()
    work = arguments.work or tempfile.mkdtemp(prefix="own-")
    sluice = os.path.abspath(arguments.sluice)

    def run(*words):
        done = subprocess.run([sluice, *words], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"sluice {' '.join(words)}: {done.stderr}")
        return done.stdout

    models = os.path.join(work, "models")
    if not os.path.isdir(models):
        make_wide(models) if arguments.wide else run("demo", "--out", models)
    base, *tuned = [read(os.path.join(models, name)) for name in ("base", "math", "law")]
    linear = [name for name in base if "_proj.weight" in name]
    print(f"{'merge':40} {'layers':>6} {'same bits':>10} {'largest difference':>19}")
    worst = 0
    for number, (title, flags, dense) in enumerate(CASES):
        if arguments.wide and "all directions" in title:
            continue
        out = os.path.join(work, f"out-{number}")
        words = ["merge", "--base", os.path.join(models, "base")]
        for name in ("math", "law"):
            words += ["--model", f"{name}={os.path.join(models, name)}"]
        run(*words, *flags, "--dtype", "F32", "--out", out)
        merged = read(out)
        same, count, largest, scale = 0, 0, 0, 0
        for name in linear:
            deltas = [model[name] - base[name] for model in tuned]
            expected = base[name] + dense(deltas, name)
            same += np.count_nonzero(merged[name] == expected.astype(np.float32))
            count += expected.size
            largest = max(largest, np.nanmax(np.abs(merged[name] - expected)))
            scale = max(scale, np.nanmax(np.abs(expected - base[name])))
        worst = max(worst, largest / scale)
        print(f"{title:40} {len(linear):6} {same / count:10.4%} {largest / scale:19.2e}")
    words = ["offsets", "--directions", "--json", "--quiet", "--base", os.path.join(models, "base")]
    for name in ("math", "law"):
        words += ["--model", os.path.join(models, name)]
    offsets = json.loads(run(*words).splitlines()[-1])
    difference = compare_directions(offsets, tuned, base)
    worst = max(worst, difference)
    print(f"{'offsets --directions':40} {len(linear):6} {'':10} {difference:19.2e}")
    sys.exit(0 if worst < TOLERANCE else 1)


main()
