"""Folds adapters of every form with sluice, and compares with PEFT and with the exact sums.

    python compare.py SLUICE FORMS

FORMS is what forms.py wrote. For each form: the elements that differ from PEFT's fold (as it loads adapters by
default, and with autocast_adapter_dtype=False), and how far sluice's own arithmetic lies from the sum in F64, in
units of the last place of the type that is written.
"""

import json
import os
import subprocess
import sys

import torch
from safetensors import safe_open


def tensors(path):
    found = {}
    for name in sorted(os.listdir(path)):
        if name.endswith(".safetensors"):
            with safe_open(f"{path}/{name}", "pt") as file:
                for key in file.keys():
                    found[key] = file.get_tensor(key)
    return found


def fold(sluice, place, out, *options):
    subprocess.run(["rm", "-rf", out], check=True)
    special = json.load(open(f"{place}/form.json"))
    if "experts" in special:
        options += ("--lora-experts", special["experts"])
    done = subprocess.run(
        [sluice, "fold", "--base", f"{place}/base", "--adapter", f"{place}/adapter", "--out", out, "--quiet", *options],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{place}: {done.stderr}")
    return tensors(out)


def differing(a, b):
    assert a.keys() == b.keys(), sorted(a.keys() ^ b.keys())
    count = 0
    for name in a:
        assert a[name].dtype == b[name].dtype and a[name].shape == b[name].shape, name
        wide = torch.int32 if a[name].dtype == torch.float32 else torch.int16
        count += int((a[name].contiguous().view(wide) != b[name].contiguous().view(wide)).sum())
    return count


def distance(ours, theirs):
    """The largest distance, in units of the last place of what is written, and the changed elements."""
    worst, changed = 0.0, 0
    for name, tensor in ours.items():
        digits = {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}[tensor.dtype]
        exact = theirs[name].double()
        unit = torch.exp2(torch.floor(torch.log2(exact.abs().clamp_min(1e-30))) - digits)
        worst = max(worst, float(((tensor.double() - exact).abs() / unit).max()))
    return worst


def main():
    sluice, forms = sys.argv[1:]
    print(f"{'form':30} {'elements':>9} {'peft':>6} {'half':>6} {'exact differs':>13} {'ulp of exact':>12}")
    for name in sorted(os.listdir(forms)):
        place = f"{forms}/{name}"
        expected = tensors(f"{place}/expected")
        exact = tensors(f"{place}/exact") if os.path.isdir(f"{place}/exact") else None
        ours = fold(sluice, place, "/tmp/sluice-peft-out", "--lora-rounding", "peft")
        half = fold(sluice, place, "/tmp/sluice-peft-out", "--lora-rounding", "peft-half")
        mine = fold(sluice, place, "/tmp/sluice-peft-out")
        print(
            f"{name:30} {sum(t.numel() for t in mine.values()):9} {differing(ours, expected):6} "
            f"{differing(half, tensors(f'{place}/expected-half')):6} {differing(mine, expected):13} "
            f"{distance(mine, exact) if exact else float('nan'):12.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
