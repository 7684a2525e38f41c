"""Computes with NumPy what two example stages should have made of a family, and compares all bits.

usage: numpy_reference.py BASE MATH LAW MERGED RULE ARGUMENT

RULE is `mean` (clip to ARGUMENT times the mean), `fixed` (clip to ARGUMENT) or `inputs` (linear layers
by the norms of their inputs, from files in the directory ARGUMENT); then the soft average. Weights of
the models are BF16, F16 or F32, those merged F32.
"""
import json
import math
import sys

import numpy as np


def read(directory):
    return read_file(directory + "/model.safetensors")


def read_file(path):
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        raw = data[begin:end]
        if entry["dtype"] == "BF16":
            tensors[name] = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif entry["dtype"] == "F16":
            tensors[name] = np.frombuffer(raw, "<f2").astype(np.float32)
        elif entry["dtype"] == "F32":
            tensors[name] = np.frombuffer(raw, "<f4")
    return tensors


def by_inputs(delta, norms):
    """Row by row: each delta times its column's norm over the mean of all, at most 1."""
    factors = norms / np.float32(math.fsum(norms) / len(norms))
    factors = np.where(factors > 1, np.float32(1), factors).astype(np.float32)
    return np.concatenate([row * factors for row in delta.reshape(-1, len(norms))])


def clip(delta, rule, number):
    if rule == "mean":
        mean = math.fsum(abs(float(value)) for value in delta) / len(delta)
        limit = np.float32(number * mean)
    else:
        limit = np.float32(number)
    return np.minimum(np.maximum(delta, -limit), limit)


def merge(deltas):
    total = np.zeros_like(deltas[0])
    weights = np.zeros_like(deltas[0])
    for delta in deltas:
        total = total + delta * np.abs(delta)
        weights = weights + np.abs(delta)
    return np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)


base, math_model, law, merged = (read(path) for path in sys.argv[1:5])
rule, argument = sys.argv[5:7]
norms = [
    read_file(f"{argument}/{name}-activations.safetensors") if rule == "inputs" else None
    for name in ("math", "law")
]
for name, weights in base.items():
    deltas = [model[name] - weights for model in (math_model, law)]
    if rule != "inputs":
        deltas = [clip(delta, rule, float(argument)) for delta in deltas]
    elif name in norms[0]:
        deltas = [by_inputs(delta, norm[name]) for delta, norm in zip(deltas, norms)]
    expected = weights + merge(deltas)
    found = merged[name]
    different = np.flatnonzero(expected.view(np.uint32) != found.view(np.uint32))
    if len(different):
        index = different[0]
        sys.exit(f"{name}[{index}]: found {found[index]!r}, expected {expected[index]!r}")
print(len(base), "tensors are equal")
