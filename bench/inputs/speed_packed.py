#!/usr/bin/env python3
"""Measures reading packed weights against reading BF16, for the same elements on a warm family.

    speed_packed.py SLUICE WORK [LAYERS] [TURNS]

A base and a fine-tune of LAYERS matrices of 4096 x 4096 (experts of 4096 x 4096 for MXFP4) are made in WORK in each layout, and merged
on two threads with --memory 64MiB, one layout after the other, TURNS times: with --prune none --merge average, which reads once and
writes; and with the defaults, of which the first pass only reads. Printed are medians of seconds, ratios to BF16 turn by turn
(above 1 is faster), and the highest peak of memory. Needs torch and safetensors.
"""
import json, os, re, shutil, statistics, subprocess, sys, time

try:
    import torch
    from safetensors.torch import save_file
except ImportError as error:
    sys.exit(f"skipped: {error}")

N = 4096


def config(quantisation, kind="llama"):
    found = {"model_type": kind}
    return {**found, "quantization_config": quantisation} if quantisation else found


def compressed(form, **weights):
    return {"quant_method": "compressed-tensors", "format": form, "config_groups": {"group_0": {"targets": ["Linear"], "weights": dict(symmetric=True, **weights)}}}


def bf16(name, g):
    return {f"{name}.weight": (torch.randn(N, N, generator=g) * 0.02).to(torch.bfloat16)}


def f16(name, g):
    return {f"{name}.weight": (torch.randn(N, N, generator=g) * 0.02).to(torch.float16)}


def fp8(name, g):
    return {f"{name}.weight": (torch.randn(N, N, generator=g) * 100).to(torch.float8_e4m3fn),
            f"{name}.weight_scale_inv": torch.rand(N // 128, N // 128, generator=g) * 1e-3}


def int4(name, g):
    return {f"{name}.weight_packed": torch.randint(-2**31, 2**31, (N, N // 8), generator=g, dtype=torch.int64).to(torch.int32),
            f"{name}.weight_scale": (torch.rand(N, N // 32, generator=g) * 1e-2).to(torch.bfloat16), f"{name}.weight_shape": torch.tensor([N, N])}


def nvfp4(name, g):
    return {f"{name}.weight_packed": torch.randint(0, 256, (N, N // 2), generator=g, dtype=torch.uint8),
            f"{name}.weight_scale": (torch.rand(N, N // 16, generator=g) * 100).to(torch.float8_e4m3fn), f"{name}.weight_global_scale": torch.tensor([731.25])}


def experts(stem, g, rows):
    return {f"{stem}_blocks": torch.randint(0, 256, (1, rows, N // 32, 16), generator=g, dtype=torch.uint8),
            f"{stem}_scales": torch.randint(110, 120, (1, rows, N // 32), generator=g, dtype=torch.uint8)}


def mxfp4(name, g):
    """Down, and gate and up of half as many rows each, as gpt-oss has them."""
    stem = name.replace("up_proj", "experts")
    return {**experts(f"{stem}.gate_up_proj", g, 2 * N), **experts(f"{stem}.down_proj", g, N)}


def stacked_bf16(name, g):
    """The same experts unpacked: inputs x outputs, gate and up in turns."""
    stem = name.replace("up_proj", "experts")
    t = lambda *s: (torch.randn(s, generator=g) * 0.02).to(torch.bfloat16)
    return {f"{stem}.gate_up_proj": t(1, N, 2 * N), f"{stem}.down_proj": t(1, N, N)}


KINDS = {
    "bf16": (bf16, None, "llama"), "f16": (f16, None, "llama"),
    "fp8 block": (fp8, {"quant_method": "fp8", "weight_block_size": [128, 128]}, "llama"),
    "int4": (int4, compressed("pack-quantized", num_bits=4, type="int", strategy="group", group_size=32), "llama"),
    "nvfp4": (nvfp4, compressed("nvfp4-pack-quantized", num_bits=4, type="float", strategy="tensor_group", group_size=16), "llama"),
    "mxfp4": (mxfp4, {"quant_method": "mxfp4"}, "gpt_oss"), "bf16 stacks, in x out": (stacked_bf16, None, "gpt_oss"),
}


def make(work, kind, layers):
    weights, quantisation, model = KINDS[kind]
    generator, elements = torch.Generator().manual_seed(0), 0
    for name in ("base", "a"):
        place = f"{work}/{kind}/{name}"
        os.makedirs(place, exist_ok=True)
        tensors, step = {}, 3 if model == "gpt_oss" else 1
        for i in range(0, layers, step):
            tensors.update(weights(f"model.layers.{i}.mlp.up_proj", generator))
        # Scales in another shard than codes.
        codes = {k: t for k, t in tensors.items() if not k.endswith(("scale_inv", "scale", "scales"))}
        parts = [p for p in (codes, {k: t for k, t in tensors.items() if k not in codes}) if p]
        where = {}
        for i, part in enumerate(parts, 1):
            file = f"model-{i:05d}-of-{len(parts):05d}.safetensors"
            save_file(part, f"{place}/{file}", {"format": "pt"})
            where.update({k: file for k in part})
        json.dump({"metadata": {}, "weight_map": where}, open(f"{place}/model.safetensors.index.json", "w"))
        json.dump(config(quantisation, model), open(f"{place}/config.json", "w"))


def run(sluice, work, kind, *options):
    out = f"{work}/out"
    shutil.rmtree(out, ignore_errors=True)
    start = time.time()
    done = subprocess.run([sluice, "merge", "--base", f"{work}/{kind}/base", "--model", f"a={work}/{kind}/a", *options,
                                "--memory", "64MiB", "--threads", "2", "--out", out], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{kind}: {done.stderr}")
    took = time.time() - start
    survey = re.search(r"survey \[[^]]*\]: .* in ([0-9.]+) s", done.stderr)
    return float(survey[1]) if survey else took, json.load(open(f"{out}/sluice-report.json"))["totals"]["peakMemory"] / 2**20


def main(sluice, work, layers=12, turns=5):
    for kind in KINDS:
        if not os.path.exists(f"{work}/{kind}/a/config.json"):
            make(work, kind, layers)
    seconds, reading, peaks = {k: [] for k in KINDS}, {k: [] for k in KINDS}, {k: 0 for k in KINDS}
    for turn in range(turns + 1):
        for kind in KINDS:
            took, peak = run(sluice, work, kind, "--prune", "none", "--merge", "average")
            survey, other = run(sluice, work, kind)
            if turn:  # The first turn warms.
                seconds[kind].append(took)
                reading[kind].append(survey)
                peaks[kind] = max(peaks[kind], peak, other)
    elements = layers * N * N
    print(f"{elements / 1e6:.0f} M elements, {turns} turns\n\n| layout | only reading, seconds | x BF16's speed | with writing, seconds | x BF16's speed | peak MiB |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        cells = []
        for found in (reading, seconds):
            ratio = statistics.median(b / s for b, s in zip(found["bf16"], found[kind]))
            cells += [f"{statistics.median(found[kind]):.2f}", f"{ratio:.2f}"]
        print(f"| {kind} | " + " | ".join(cells) + f" | {peaks[kind]:.0f} |")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
