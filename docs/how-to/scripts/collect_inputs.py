"""Collects what the inputs of a model's linear layers look like.

    python collect_inputs.py MODEL EXAMPLES --norms norms.safetensors --grams grams.safetensors

norms: for each linear layer, under the name of its weight, the root mean square of each input
(F32, one number for each column of the weight). grams: the mean of x * transpose(x) over tokens
(F32, square). Both come from the same run over the examples.
"""

import argparse

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import examples

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("examples", help="a text file, one example a line, or JSON lists of token ids")
parser.add_argument("--norms")
parser.add_argument("--grams")
parser.add_argument("--length", type=int, default=2048)
options = parser.parse_args()

model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
sums, counts = {}, {}


def watch(name):
    def hook(module, inputs):
        x = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).double()
        counts[name] = counts.get(name, 0) + x.shape[0]
        # Without Gram matrices only the diagonal is needed.
        new = x.T @ x if options.grams else (x * x).sum(0)
        sums[name] = sums[name] + new if name in sums else new

    return hook


for name, module in model.named_modules():
    if isinstance(module, torch.nn.Linear) and "layers." in name:
        module.register_forward_pre_hook(watch(name + ".weight"))
with torch.no_grad():
    for ids in examples.load(options.examples, options.model, options.length):
        model(ids)

means = {name: total / counts[name] for name, total in sums.items()}
if options.norms:
    diagonals = {n: m.diagonal() if m.ndim == 2 else m for n, m in means.items()}
    save_file({n: d.sqrt().float().contiguous() for n, d in diagonals.items()}, options.norms)
if options.grams:
    save_file({n: m.float().contiguous() for n, m in means.items()}, options.grams)
print(f"{len(means)} linear layers, {max(counts.values())} tokens")
