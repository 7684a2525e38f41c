"""Gram matrices of what a fine-tune's linear layers get on texts of its own training, for tables.py --grams.

    python3 bench/own/collect_grams.py --kind encoders|decoders|real-model --family DIR --out DIR
                                       [--items 500] [--sluice PATH] MODEL...

Of an encoder by torch, as docs/how-to/scripts/collect_inputs.py does it for decoders, padding left out. Of a
decoder `sluice collect` makes them. Writes OUT/MODEL.safetensors. Needs torch, transformers and safetensors.
"""

import argparse
import json
import os
import subprocess

import torch
from safetensors.torch import save_file

from family import KINDS, family_module


def of_encoder(module, path, items, out):
    model = module.AutoModel.from_pretrained(path).eval()
    tokenizer = module.AutoTokenizer.from_pretrained(path)
    sums, count, kept = {}, 0, None

    def watch(name):
        def hook(_, inputs):
            # The pooler sees one token of each text, and no score reads it.
            x = inputs[0].reshape(-1, inputs[0].shape[-1])
            if x.shape[0] == len(kept):
                x = x[kept].double()
                sums[name] = sums.get(name, 0) + x.T @ x

        return hook

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            layer.register_forward_pre_hook(watch(name + ".weight"))
    texts = [text for item in items for text in item]
    with torch.no_grad():
        for start in range(0, len(texts), 50):
            batch = tokenizer(texts[start : start + 50], padding=True, return_tensors="pt")
            kept = batch["attention_mask"].reshape(-1).bool()
            count += int(kept.sum())
            model(**batch)
    save_file({name: (total / count).float() for name, total in sums.items()}, out)
    print(f"{out}: {len(sums)} linear layers, {count} tokens")


def of_decoder(module, sluice, path, items, out):
    with open(out + ".jsonl", "w") as file:
        for question, answer in items:
            file.write(json.dumps(module.tokens(question, answer)) + "\n")
    subprocess.run([sluice, "collect", path, "--texts", out + ".jsonl", "--grams", out, "--quiet"], check=True)
    os.remove(out + ".jsonl")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--family", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--sluice", default=".build/release/sluice")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    module = family_module(arguments.kind)
    for name in arguments.models:
        path, out = os.path.join(arguments.family, name), os.path.join(arguments.out, name + ".safetensors")
        items = module.data(name.split("-")[-1])["train"][: arguments.items]
        if arguments.kind == "encoders":
            of_encoder(module, path, items, out)
        else:
            of_decoder(module, arguments.sluice, path, items, out)


main()
