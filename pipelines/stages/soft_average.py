#!/usr/bin/env python3
"""An operator for sluice: the mean of the models' deltas, weighted by their magnitudes.

In a recipe, in the place of merge:

  - exec: {command: [python3, stages/soft_average.py], kind: merge}

The protocol is described in docs/reference/exec-protocol.md.
"""
import json
import mmap
import sys

import numpy as np


def merge(deltas):
    """sum(d * |d|) / sum(|d|) of float32 arrays, in their order; 0 where all are 0."""
    total = np.zeros_like(deltas[0])
    weights = np.zeros_like(deltas[0])
    for delta in deltas:
        weight = np.abs(delta)
        total += delta * weight
        weights += weight
    return np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)


def main():
    hello = json.loads(sys.stdin.readline())
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    print(json.dumps({"protocol": "sluice-exec", "version": 1}), flush=True)
    for line in sys.stdin:
        chunk = json.loads(line)
        count = chunk["count"]
        deltas = [np.frombuffer(shared, np.float32, count, offset) for offset in chunk["inputs"]]
        result = np.frombuffer(shared, np.float32, count, chunk["output"])
        result[:] = merge(deltas)
        print(json.dumps({"chunk": chunk["chunk"], "count": count}), flush=True)


main()
