"""Runs the same recipes in mergekit and in sluice, on random tiny families, and compares the weights.

    python compare.py SLUICE [--seeds N] [--methods NAME,...] [--keep DIR] [--verbose]

Needs mergekit 0.1.5, torch and safetensors (bench/mergekit/install). Prints a table: for each method and type the
share of equal elements, and the largest difference in units of the larger operand. For methods that draw, masks
cannot be equal: what is compared is the share of deltas that is kept, and the sum of their magnitudes.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import mergekit  # noqa: F401
    import torch
    import yaml
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions
    from safetensors.torch import load_file, save_file
except ImportError as error:
    print(f"compare: skipped, since a module is missing: {error.name}")
    sys.exit(0)

TYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
DRAWN = {"dare_linear", "dare_ties", "della", "della_linear"}
HIDDEN, INNER, LAYERS, VOCABULARY, HEADS = 64, 112, 3, 160, 4


def shapes():
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (HIDDEN,)
        for part in "qkvo":
            yield prefix + f"self_attn.{part}_proj.weight", (HIDDEN, HIDDEN)
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,)
        yield prefix + "mlp.gate_proj.weight", (INNER, HIDDEN)
        yield prefix + "mlp.up_proj.weight", (INNER, HIDDEN)
        yield prefix + "mlp.down_proj.weight", (HIDDEN, INNER)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def write_family(folder, seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=HIDDEN, intermediate_size=INNER,
        num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS, vocab_size=VOCABULARY,
        torch_dtype=NAMES[dtype], tie_word_embeddings=False, rms_norm_eps=1e-6, max_position_embeddings=64)
    base = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes()}
    models = {"base": base}
    for number, drift in enumerate([0.02, 0.01, 0.005]):
        models["abc"[number]] = {
            name: tensor + torch.randn(tensor.shape, generator=generator) * drift
            * (torch.rand(tensor.shape, generator=generator) < 0.8)
            for name, tensor in base.items()}
    for name, tensors in models.items():
        os.makedirs(f"{folder}/{name}")
        with open(f"{folder}/{name}/config.json", "w") as file:
            json.dump(config, file)
        save_file({key: value.to(TYPES[dtype]).contiguous() for key, value in tensors.items()},
                  f"{folder}/{name}/model.safetensors", metadata={"format": "pt"})


def models(*names, **each):
    return [{"model": name, "parameters": {key: value[i] for key, value in each.items()}}
            if each else {"model": name} for i, name in enumerate(names)]


def cases():
    """Method, and what the recipe says beside it."""
    based = dict(base_model="base")
    three = models("a", "b", "c", weight=[0.7, 0.5, -0.3])
    two = models("a", "b", weight=[0.6, 0.4])
    yield "linear", dict(models=models("a", "b", weight=[0.7, 0.3]))
    yield "linear", dict(models=models("a", "b", "c", weight=[0.7, [0.1, 0.9], 1.3]), parameters=dict(normalize=False))
    yield "passthrough", dict(models=models("a"))
    yield "passthrough", dict(models=models("a", scale=[[{"filter": "mlp", "value": 0.3}, {"value": 1.0}]]))
    yield "task_arithmetic", dict(models=two, **based)
    yield "task_arithmetic", dict(models=three, parameters={"normalize": True, "lambda": 0.8}, **based)
    yield "ties", dict(models=two, **based)
    dense = models("a", "b", "c", weight=[0.7, 0.5, 0.3], density=[0.5, 0.3, [0.2, 0.9]])
    yield "ties", dict(models=dense, **based)
    yield "ties", dict(models=dense, parameters={"rescale": True, "normalize": False, "lambda": 1.5}, **based)
    yield "dare_linear", dict(models=two, **based)
    yield "dare_linear", dict(models=dense, **based)
    yield "dare_ties", dict(models=two, **based)
    yield "dare_ties", dict(models=dense, **based)
    crumbs = models("a", "b", "c", weight=[0.7, 0.5, 0.3], density=[0.5, 0.9, 0.2], gamma=[0.05, 0.2, 0.01])
    yield "breadcrumbs", dict(models=crumbs, **based)
    yield "breadcrumbs_ties", dict(models=crumbs, **based)
    ranked = models("a", "b", weight=[0.7, 0.5], density=[0.5, 0.6], epsilon=[0.2, 0.1])
    yield "della", dict(models=two, **based)
    yield "della", dict(models=ranked, **based)
    yield "della_linear", dict(models=ranked, **based)
    yield "nearswap", dict(models=models("a"), parameters=dict(t=0.005), **based)
    yield "ram", dict(models=models("a", "b", "c"), **based)
    yield "ram", dict(models=models("a", "b", "c"), parameters=dict(epsilon=0.005), **based)
    yield "ramplus_tl", dict(models=models("a", "b", "c"), **based)
    yield "ramplus_tl", dict(models=models("a", "b", "c"), parameters=dict(epsilon=0.005, r=0.5, alpha=0.3), **based)
    yield "slerp", dict(models=models("a", "base"), parameters=dict(t=[0, 0.5, 0.3, 0.7, 1]), **based)
    yield "slerp", dict(models=models("a", "base"), parameters=dict(t=0.4), **based)
    yield "nuslerp", dict(models=models("a", "b", weight=[0.6, 0.3]))
    yield "nuslerp", dict(models=models("a", "b", weight=[0.6, 0.3]), **based)
    yield "nuslerp", dict(models=models("a", "b", weight=[0.6, 0.3]), parameters=dict(nuslerp_flatten=False))
    yield "nuslerp", dict(models=models("a", "b", weight=[0.6, 0.3]),
                          parameters=dict(nuslerp_flatten=False, nuslerp_row_wise=True), **based)
    yield "multislerp", dict(models=models("a", "b", "c", weight=[0.6, 0.3, 0.4]))
    yield "multislerp", dict(models=models("a", "b", "c", weight=[0.6, 0.3, 0.4]), **based)
    yield "karcher", dict(models=models("a", "b", "c"))
    yield "karcher", dict(models=models("a", "b", "c"), parameters=dict(max_iter=3, tol=1e-4))
    yield "model_stock", dict(models=models("a", "b", "c"), **based)
    yield "model_stock", dict(models=models("a", "b", "c"), parameters=dict(filter_wise=True), **based)
    yield "sce", dict(models=models("a", "b", "c"), **based)
    yield "sce", dict(models=models("a", "b", "c"), parameters=dict(select_topk=0.3), **based)
    yield "arcee_fusion", dict(models=models("a"), **based)


def located(recipe, folder):
    recipe["models"] = [dict(m, model=f"{folder}/{m['model']}") for m in recipe["models"]]
    if "base_model" in recipe:
        recipe["base_model"] = f"{folder}/{recipe['base_model']}"
    return recipe


def run_mergekit(recipe, out):
    run_merge(MergeConfiguration.model_validate(recipe), out,
              MergeOptions(cuda=False, random_seed=1, quiet=True, write_model_card=False, copy_tokenizer=False))


def run_sluice(sluice, folder, recipe, out):
    path = f"{folder}/recipe.yaml"
    with open(path, "w") as file:
        yaml.safe_dump(recipe, file)
    done = subprocess.run([sluice, "run", path, "--out", out, "--quiet"], capture_output=True, text=True)
    return done.stderr.strip().splitlines()[:2] if done.returncode else None


def load(out):
    tensors = {}
    for name in os.listdir(out):
        if name.endswith(".safetensors"):
            tensors.update(load_file(f"{out}/{name}"))
    return tensors


UNITS = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}


def units(x, y, operand):
    """The largest difference in units of the last place of the larger of result and operand."""
    x, y = x.double(), y.double()
    size = torch.maximum(torch.maximum(x.abs(), y.abs()), operand.double().abs()).clamp(min=1e-30)
    unit = 2.0 ** torch.floor(torch.log2(size))
    return unit


def compare(mine, theirs, inputs):
    equal = total = 0
    worst = 0.0
    types = set()
    for name, expected in theirs.items():
        found = mine[name]
        types.add((str(found.dtype), str(expected.dtype)))
        if found.dtype != expected.dtype or found.shape != expected.shape:
            return f"type or shape of {name}: {found.dtype} {tuple(found.shape)}, {expected.dtype}"
        same = (found == expected)
        equal += int(same.sum())
        total += same.numel()
        if not same.all():
            largest = torch.stack([i[name].double().abs() for i in inputs]).max(dim=0).values
            unit = units(found, expected, largest) * UNITS[expected.dtype]
            worst = max(worst, float(((found.double() - expected.double()).abs() / unit)[~same].max()))
    if equal == total:
        return "bit-equal"
    return f"{100 * equal / total:.3f} % equal, others within {worst:.2f} units"


def statistics(mine, theirs, base):
    """Shares of changed elements and mean changes, of both."""
    def of(tensors):
        changed = total = size = 0
        for name, tensor in tensors.items():
            change = tensor.double() - base[name].double()
            changed += int((change != 0).sum())
            total += change.numel()
            size += float(change.abs().sum())
        return changed / total, size / total
    (a, b), (c, d) = of(mine), of(theirs)
    return f"changed {100 * a:.2f} / {100 * c:.2f} %, mean change {b:.3e} / {d:.3e}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", default="")
    parser.add_argument("--types", default="F32,BF16,F16")
    parser.add_argument("--keep")
    options = parser.parse_args()
    wanted = set(options.methods.split(",")) - {""}
    root = options.keep or tempfile.mkdtemp()
    print(f"mergekit {__import__('importlib.metadata').metadata.version('mergekit')}, torch {torch.__version__}")
    differing = 0
    for seed in range(1, options.seeds + 1):
        for dtype in options.types.split(","):
            folder = f"{root}/{seed}-{dtype}"
            write_family(folder, seed, dtype)
            family = {name: load_file(f"{folder}/{name}/model.safetensors") for name in ["base", "a", "b", "c"]}
            for number, (method, more) in enumerate(cases()):
                if wanted and method not in wanted:
                    continue
                # mergekit keeps opened models by their paths, so that relative ones would be those of another family.
                recipe = located(dict(merge_method=method, dtype=NAMES[dtype], **more), folder)
                outs = [f"{folder}/{kind}-{number}" for kind in ["mergekit", "sluice"]]
                refused = run_sluice(options.sluice, folder, recipe, outs[1])
                extra = {k: v for k, v in more.items() if k not in ("models", "base_model")}
                label = f"{method:17} {dtype:5} {'base ' if 'base_model' in more else ''}{extra or ''}"
                if refused:
                    print(f"{label}: refused by sluice: {' / '.join(refused)}")
                    differing += 1
                    continue
                try:
                    run_mergekit(recipe, outs[0])
                except Exception as error:  # a recipe that mergekit itself cannot run is no case
                    print(f"{label}: mergekit fails: {type(error).__name__}: {str(error)[:100]}")
                    continue
                mine, theirs = load(outs[1]), load(outs[0])
                drawn = method in DRAWN and any("density" in m.get("parameters", {}) for m in more["models"])
                result = compare(mine, theirs, list(family.values()))
                if drawn:
                    result = statistics(mine, theirs, family["base"])
                elif result != "bit-equal":
                    differing += 1
                print(f"{label}: {result}", flush=True)
                if not options.keep:
                    for out in outs:
                        shutil.rmtree(out)
    if not options.keep:
        shutil.rmtree(root)
    print(f"{differing} cases are not bit-equal")


if __name__ == "__main__":
    main()
