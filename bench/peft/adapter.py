"""Makes a random adapter for all linear layers inside blocks of a checkpoint.

    python adapter.py BASE OUT RANK
"""

import json
import os
import struct
import sys

import torch
from safetensors.torch import save_file


def shapes(base):
    for name in sorted(os.listdir(base)):
        if name.endswith(".safetensors"):
            with open(f"{base}/{name}", "rb") as file:
                header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            for key, entry in header.items():
                if key != "__metadata__":
                    yield key, entry["shape"]


def main():
    base, out, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.manual_seed(rank)
    os.makedirs(out, exist_ok=True)
    factors = {}
    targets = set()
    for name, shape in shapes(base):
        if len(shape) != 2 or ".layers." not in name or not name.endswith(".weight"):
            continue
        module = name.removesuffix(".weight")
        targets.add(module.rpartition(".")[2])
        factors[f"base_model.model.{module}.lora_A.weight"] = (torch.randn(rank, shape[1]) * 0.02).bfloat16()
        factors[f"base_model.model.{module}.lora_B.weight"] = (torch.randn(shape[0], rank) * 0.01).bfloat16()
    save_file(factors, f"{out}/adapter_model.safetensors")
    config = dict(peft_type="LORA", task_type="CAUSAL_LM", r=rank, lora_alpha=rank, target_modules=sorted(targets), base_model_name_or_path=base)
    with open(f"{out}/adapter_config.json", "w") as file:
        json.dump(config, file, indent=1)


main()
