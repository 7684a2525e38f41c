#!/usr/bin/env python3
"""Merges embeddings and heads of unlike vocabularies with --vocabulary match and compares every row with NumPy.

    check_vocabulary.py SLUICE WORK [WIDTH]

The base has a vocabulary of the size of Qwen2's: 151,665 tokens in 152,064 rows. One fine-tune has the same tokens in another
order and no padding, the other lacks 4,096 of them and has 2,000 of its own. Printed are equality, whether threads and memory change a
byte, seconds and peaks against --vocabulary base on the same files. Needs NumPy.
"""
import hashlib, json, os, shutil, struct, subprocess, sys, time

try:
    import numpy as np
except ImportError as error:
    sys.exit(f"skipped: {error}")

TOKENS, ROWS = 151_665, 152_064


def rounded(x):
    b = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((b + ((b >> 16) & 1) + 0x7FFF) >> 16).astype(np.uint16)


def wide(x):
    return (x.astype(np.uint32) << 16).view(np.float32)


def save(path, tensors):
    header, at = {}, 0
    for name, x in tensors.items():
        header[name] = {"dtype": "BF16", "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for x in tensors.values():
            f.write(np.ascontiguousarray(x).tobytes())


def load(path):
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(n))
    return {k: np.fromfile(path, np.uint16, (e["data_offsets"][1] - e["data_offsets"][0]) // 2, offset=8 + n + e["data_offsets"][0]).reshape(e["shape"])
            for k, e in header.items() if k != "__metadata__"}


def put(work, name, tokens, rows, width, seed):
    os.makedirs(f"{work}/{name}", exist_ok=True)
    r = np.random.default_rng(seed)
    save(f"{work}/{name}/model.safetensors", {k: rounded(r.standard_normal((rows, width), np.float32) * 0.05) for k in ("model.embed_tokens.weight", "lm_head.weight")})
    json.dump({"model_type": "qwen2", "vocab_size": rows, "tie_word_embeddings": False}, open(f"{work}/{name}/config.json", "w"))
    vocabulary = {f"t{t}": i for i, t in enumerate(tokens[:-64])}
    added = [{"id": len(tokens) - 64 + i, "content": f"t{t}", "special": True} for i, t in enumerate(tokens[-64:])]
    json.dump({"added_tokens": added, "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}, open(f"{work}/{name}/tokenizer.json", "w"))


def merge(sluice, work, *options):
    shutil.rmtree(f"{work}/out", ignore_errors=True)
    start = time.time()
    done = subprocess.run([sluice, "merge", "--base", f"{work}/base", "--model", f"a={work}/a", "--model", f"b={work}/b", "--prune", "none", "--merge", "average",
                                "--quiet", *options, "--out", f"{work}/out"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    took = time.time() - start
    return took, json.load(open(f"{work}/out/sluice-report.json"))["totals"]["peakMemory"] / 2**20


def main(sluice, work, width=256):
    r = np.random.default_rng(9)
    base, a = np.arange(TOKENS), r.permutation(TOKENS)
    b = np.concatenate([base[4096:], np.arange(TOKENS, TOKENS + 2000)])
    for seed, (name, tokens, rows) in enumerate((("base", base, ROWS), ("a", a, TOKENS), ("b", b, len(b) + 31))):
        put(work, name, tokens.tolist(), rows, width, seed)
    sums = set()
    for threads, memory in ((2, "64MiB"), (1, "48MiB"), (4, "256MiB")):
        seconds, peak = merge(sluice, work, "--vocabulary", "match", "--threads", str(threads), "--memory", memory)
        sums.add(hashlib.sha256(open(f"{work}/out/model.safetensors", "rb").read()).hexdigest())
        print(f"match, {threads} threads, --memory {memory}: {seconds:.2f} s, peak {peak:.0f} MiB")
    print("the same bytes" if len(sums) == 1 else "OTHER BYTES")
    out, models = load(f"{work}/out/model.safetensors"), [load(f"{work}/{m}/model.safetensors") for m in ("base", "a", "b")]
    bad = len(sums) != 1
    for name, found in out.items():
        own = wide(models[0][name])
        total = np.zeros_like(own)
        for tokens, rows in ((a, models[1][name]), (b, models[2][name])):
            at = np.full(TOKENS + 2000, -1)
            at[tokens] = np.arange(len(tokens))
            here = at[:TOKENS]
            total[:TOKENS] += np.where((here >= 0)[:, None], wide(rows[here]) - own[:TOKENS], np.float32(0))
        # Padding: row by row, where the model has a row without a token.
        for tokens, rows in ((a, models[1][name]), (b, models[2][name])):
            first, end = max(TOKENS, len(tokens)), min(ROWS, len(rows))
            total[first:end] += wide(rows[first:end]) - own[first:end]
        equal = np.array_equal(found, rounded(own + total / np.float32(2)))
        bad |= not equal
        print(f"{name} {found.shape}: {'equal' if equal else 'DIFFERENT'}")
    for warning in json.load(open(f"{work}/out/sluice-report.json"))["warnings"]:
        if warning["kind"] == "matched-rows":
            print(f"report, {warning['model']}: {warning['message']}")
    seconds, peak = merge(sluice, work, "--vocabulary", "base", "--threads", "2", "--memory", "64MiB")
    print(f"base, 2 threads, --memory 64MiB: {seconds:.2f} s, peak {peak:.0f} MiB")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])) if len(sys.argv) > 2 else __doc__)
