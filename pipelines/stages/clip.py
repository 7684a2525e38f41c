#!/usr/bin/env python3
"""A stage for sluice: clips every delta to a multiple of its tensor's mean |delta|.

In a recipe:

  - exec: {command: [python3, stages/clip.py, "20"], statistics: [mean], scope: all}

The protocol is described in docs/reference/exec-protocol.md.
"""
import json
import mmap
import sys

import numpy as np


def main():
    multiple = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    hello = json.loads(sys.stdin.readline())
    if hello["version"] != 1 or hello["kind"] != "delta":
        print(json.dumps({"error": "this program speaks version 1, kind delta"}), flush=True)
        return
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    print(json.dumps({"protocol": "sluice-exec", "version": 1}), flush=True)
    for line in sys.stdin:
        chunk = json.loads(line)
        count = chunk["count"]
        deltas = np.frombuffer(shared, np.float32, count, chunk["inputs"][0])
        result = np.frombuffer(shared, np.float32, count, chunk["output"])
        limit = np.float32(multiple * chunk["mean"])
        np.clip(deltas, -limit, limit, out=result)
        print(json.dumps({"chunk": chunk["chunk"], "count": count}), flush=True)


main()
