#!/usr/bin/env python3
"""A stage for sluice: multiplies each delta by the norm of its input over the mean norm, at most 1.

The deltas of a linear layer have a column for each input, so this program has to know which column
an element stands in: a request says the tensor's shape, and row and column of its first element.

In a recipe, with a name and a file of norms (as for wanda) for each model:

  - exec: {command: [python3, stages/weigh_inputs.py, math, math-activations.safetensors]}

The protocol is described in docs/reference/exec-protocol.md.
"""
import json
import math
import mmap
import sys

import numpy as np


def read(path):
    """The F32 vectors of a safetensors file by name."""
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data, "<f4", entry["shape"][0], start + entry["data_offsets"][0])
        for name, entry in header.items()
    }


def main():
    norms = {name: read(path) for name, path in zip(sys.argv[1::2], sys.argv[2::2])}
    hello = json.loads(sys.stdin.readline())
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    print(json.dumps({"protocol": "sluice-exec", "version": 1}), flush=True)
    for line in sys.stdin:
        chunk = json.loads(line)
        count, columns = chunk["count"], chunk["shape"][-1]
        norm = norms[chunk["model"]][chunk["tensor"]]
        factors = np.minimum(norm / np.float32(math.fsum(norm) / columns), np.float32(1))
        # The request begins in the middle of a row, and may end in the middle of another.
        rows = (chunk["column"] + count + columns - 1) // columns
        factors = np.tile(factors, rows)[chunk["column"]:chunk["column"] + count]
        deltas = np.frombuffer(shared, np.float32, count, chunk["inputs"][0])
        result = np.frombuffer(shared, np.float32, count, chunk["output"])
        np.multiply(deltas, factors, out=result)
        print(json.dumps({"chunk": chunk["chunk"], "count": count}), flush=True)


main()
