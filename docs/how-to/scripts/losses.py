"""Measures each model's loss on a few examples, for --merge lm-cocktail.

    python losses.py EXAMPLES losses.json math=math-model law=law-model [base=base-model]
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM

import examples

data, target, models = sys.argv[1], sys.argv[2], sys.argv[3:]
losses = {}
for entry in models:
    name, path = entry.split("=", 1)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    with torch.no_grad():
        values = [model(ids, labels=ids).loss.item() for ids in examples.load(data, path, 2048)]
    losses[name] = sum(values) / len(values)
    print(name, losses[name])
with open(target, "w") as file:
    json.dump(losses, file, indent=1)
