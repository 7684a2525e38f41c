"""Computes with NumPy what two example stages should have made of a family, and compares all bits.

usage: numpy_reference.py BASE MATH LAW MERGED RULE NUMBER

RULE is `mean` (clip to NUMBER times the mean, then the mean of the models) or `fixed` (clip to
NUMBER, then the soft average). Weights of the models are BF16, F16 or F32, those merged F32.
"""
import json
import math
import sys

import numpy as np


def read(directory):
    data = open(directory + "/model.safetensors", "rb").read()
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
rule, number = sys.argv[5], float(sys.argv[6])
for name, weights in base.items():
    deltas = [clip(model[name] - weights, rule, number) for model in (math_model, law)]
    expected = weights + merge(deltas)
    found = merged[name]
    different = np.flatnonzero(expected.view(np.uint32) != found.view(np.uint32))
    if len(different):
        index = different[0]
        sys.exit(f"{name}[{index}]: found {found[index]!r}, expected {expected[index]!r}")
print(len(base), "tensors are equal")
