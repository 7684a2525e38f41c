#!/usr/bin/env python3
"""Merges tiny models of 26 architectures and compares every bit with NumPy.

    check_merges.py SLUICE MODELS [NAME ...]     MODELS is what make_models.py wrote

Each model is merged with dppa, ties and average. Printed are the roles of its tensors, the share of its blocks that is
pruned, whether all bits equal those of the formulas, and whether transformers loads the result without missing or
unexpected keys. Roles are asked of sluice (`inspect --roles`): what is computed with them is not.
"""
import json, math, os, shutil, struct, subprocess, sys

import numpy as np

RATES, DEVIATION, MULTIPLE = (0.9, 0.8), 0.08, 5


def read(directory):
    found = {}
    for file in sorted(os.listdir(directory)):
        if not file.endswith(".safetensors"):
            continue
        with open(os.path.join(directory, file), "rb") as f:
            header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            data = f.read()
        for name, e in header.items():
            if name != "__metadata__":
                a, b = e["data_offsets"]
                kind = {"BF16": np.uint16, "F32": np.float32, "F16": np.float16, "I64": np.int64}[e["dtype"]]
                x = np.frombuffer(data[a:b], kind).reshape(e["shape"])
                found[name] = (e["dtype"], (x.astype(np.uint32) << 16).view(np.float32) if e["dtype"] == "BF16" else x)
    return found


def rounded(x, dtype):
    if dtype == "BF16":
        b = np.ascontiguousarray(x, np.float32).view(np.uint32)
        return (((b + ((b >> 16) & 1) + 0x7FFF) >> 16) << 16).view(np.float32)
    return x.astype(np.float32)


def reversed_bits(n):
    return int(f"{n:032b}"[::-1], 2)


def significance(delta):
    m = np.abs(delta).ravel().astype(np.float64)
    total = math.fsum(m)
    if total == 0:
        return 0.0
    return math.fsum(m[m > MULTIPLE * (total / m.size)]) / total


def masked(delta, rate):
    """Keeps n - floor(rate n) by magnitude, ties spread; rate is this layer's own."""
    flat = delta.ravel()
    quota = 0 if rate >= 1 else flat.size if rate <= 0 else flat.size - math.floor(rate * flat.size)
    seen, keys = {}, []
    for bits in np.abs(flat).view(np.uint32).tolist():
        seen[bits] = seen.get(bits, -1) + 1
        keys.append((-bits, reversed_bits(seen[bits])))
    kept = np.zeros(flat.size, bool)
    kept[sorted(range(flat.size), key=keys.__getitem__)[:quota]] = True
    return (np.where(kept & (flat != 0), flat, np.float32(0))).reshape(delta.shape)


def dppa(deltas, layers):
    """deltas by layer name -> pruned; names in byte order, sums in that order."""
    names = sorted(layers, key=lambda n: n.encode())
    sig = [significance(deltas[n]) for n in names]
    weighted = total = 0.0
    for s, n in zip(sig, names):
        weighted += s * float(deltas[n].size)
        total += float(deltas[n].size)
    off = [s - weighted / total for s in sig]
    largest = max((abs(x) for x in off), default=0)
    scale = DEVIATION / largest if largest else 0.0
    return {n: masked(deltas[n], min(max(RATES[-1] - scale * x, 0), 1)) for n, x in zip(names, off)}


def ties(a, b):
    total = a + b
    agree = [np.where(total < 0, d < 0, d > 0) for d in (a, b)]
    count = agree[0].astype(np.float32) + agree[1].astype(np.float32)
    # Sums in order, of those that agree only.
    added = np.where(agree[0], np.where(agree[1], a + b, a), np.where(agree[1], b, np.float32(0)))
    return (added / np.maximum(count, np.float32(1))).astype(np.float32)


def split(tensors, roles):
    """Stacks come apart into the layers that sluice names, in order; layers are outputs x inputs."""
    out = {}
    for name, (dtype, x) in tensors.items():
        layers, layout = roles[name].get("layers", []), roles[name].get("layout")
        if layout:
            matrices = x.reshape(-1, x.size // (x.shape[0] if layers else 1) // x.shape[-1], x.shape[-1])
            half = x.shape[-1] // 2
            for i, n in enumerate(layers or [name]):
                own = {"transposed": lambda: matrices[i], "transposed halves": lambda: matrices[i // 2][:, i % 2 * half:][:, :half],
                       "transposed interleaved": lambda: matrices[i // 2][:, i % 2::2]}[layout]().T
                out[n] = (dtype, np.ascontiguousarray(own if x.ndim > 2 or not layers else own.ravel()))
            continue
        if not layers:
            out[name] = (dtype, x)
            continue
        if x.ndim == 2:
            out.update({n: (dtype, row) for n, row in zip(layers, x.reshape(len(layers), -1))})
            continue
        rows = x.reshape(len(layers), -1, x.shape[-1])
        out.update({n: (dtype, rows[i]) for i, n in enumerate(layers)})
    return out


def expected(method, base, a, b, roles):
    kind = {}
    for name, r in roles.items():
        for n in r.get("layers", []) or [name]:
            kind[n] = r["role"]
    merged = {}
    names = [n for n, (d, _) in base.items() if d in ("BF16", "F16", "F32") and kind[n] != "rotary table"]
    deltas = [{n: m[n][1].astype(np.float32) - base[n][1].astype(np.float32) for n in names} for m in (a, b)]
    if method == "dppa":
        linear = [n for n in names if kind[n] in ("linear layer", "stack of layers")]
        for d in deltas:
            if linear:
                d.update(dppa(d, linear))
    for n, (dtype, x) in base.items():
        if n not in deltas[0]:
            merged[n] = x
            continue
        da, db = deltas[0][n], deltas[1][n]
        m = (da + db) / np.float32(2) if method == "average" else ties(da, db)
        merged[n] = rounded(x.astype(np.float32) + m, dtype)
    return merged


def loads(directory):
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    name = json.load(open(f"{directory}/config.json"))["architectures"][0]
    _, info = getattr(transformers, name).from_pretrained(directory, output_loading_info=True, dtype=torch.bfloat16)
    return {k: sorted(v) for k, v in info.items() if k in ("missing_keys", "unexpected_keys", "mismatched_keys") and v}


METHODS = {"dppa": [], "ties": ["--prune", "none", "--merge", "ties"], "average": ["--prune", "none", "--merge", "average"]}


def main(sluice, root, names):
    failed = 0
    for name in names or sorted(os.listdir(root)):
        place = os.path.join(root, name)
        listed = json.loads(subprocess.run([sluice, "inspect", f"{place}/base", "--roles", "--json"], capture_output=True, text=True, check=True).stdout)
        roles = {t["name"]: t for t in listed["tensors"]}
        whole = read(f"{place}/base")
        models = [split(read(f"{place}/{m}"), roles) for m in ("base", "a", "b")]
        sizes = {}
        for t, (_, x) in whole.items():
            sizes[roles[t]["role"]] = sizes.get(roles[t]["role"], 0) + x.size
        print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in sorted(sizes.items(), key=lambda i: -i[1])))
        for method, options in METHODS.items():
            out = f"{place}/merged-{method}"
            shutil.rmtree(out, ignore_errors=True)
            run = subprocess.run([sluice, "merge", "--base", f"{place}/base", "--model", f"a={place}/a", "--model", f"b={place}/b", *options, "--out", out],
                                 capture_output=True, text=True)
            if run.returncode:
                print(f"  {method}: FAILED: {run.stderr.strip()}")
                failed += 1
                continue
            found, want = split(read(out), roles), expected(method, *models, roles)
            bad = [n for n in want if n not in found or not np.array_equal(np.ascontiguousarray(found[n][1]).view(np.uint8), np.ascontiguousarray(want[n].astype(found[n][1].dtype)).view(np.uint8))]
            wrong = loads(out)
            said = [l for l in run.stderr.splitlines() if l.startswith("warning")]
            failed += bool(bad or wrong or set(found) != set(want))
            print(f"  {method}: " + (f"{len(bad)} tensors DIFFER, {bad[0]}" if bad else f"{len(want)} equal") + (f"; {wrong}" if wrong else "; loads") + "".join(f"\n    {l}" for l in said))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]))
