"""Learns the coefficients of AdaMerging from unlabelled examples, one for each tensor and model.

    python coefficients.py BASE EXAMPLES coefficients.json math=math-model law=law-model

Minimises the mean entropy of the next token's distribution, with Adam. Holds all models in memory
twice over: use a small model, or one that fits.
"""

import argparse
import json

import torch
from torch.func import functional_call
from transformers import AutoModelForCausalLM

import examples

parser = argparse.ArgumentParser()
parser.add_argument("base")
parser.add_argument("examples")
parser.add_argument("target")
parser.add_argument("models", nargs="+")
parser.add_argument("--steps", type=int, default=500)
parser.add_argument("--rate", type=float, default=1e-3)
parser.add_argument("--start", type=float, default=0.3)
options = parser.parse_args()

base = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32).eval()
weights = {n: p.detach() for n, p in base.named_parameters()}
deltas = {}
for entry in options.models:
    name, path = entry.split("=", 1)
    tuned = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    deltas[name] = {n: p.detach() - weights[n] for n, p in tuned.named_parameters()}

names = list(weights)
learned = {m: torch.full((len(names),), options.start, requires_grad=True) for m in deltas}
optimizer = torch.optim.Adam(learned.values(), lr=options.rate)
batches = list(examples.load(options.examples, options.base, 512))
for step in range(options.steps):
    merged = dict(weights)
    for model, own in deltas.items():
        clamped = learned[model].clamp(0, 1)
        for index, name in enumerate(names):
            merged[name] = merged[name] + clamped[index] * own[name]
    logits = functional_call(base, merged, (batches[step % len(batches)],)).logits
    p = torch.log_softmax(logits.float(), -1)
    loss = -(p.exp() * p).sum(-1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step} of {options.steps}: entropy {loss.item():.4f}", flush=True)

with open(options.target, "w") as file:
    tensors = {
        m: {"tensors": dict(zip(names, values.detach().clamp(0, 1).tolist()))}
        for m, values in learned.items()
    }
    json.dump(tensors, file, indent=1)
