"""Runs recipes as people write them, unchanged, in mergekit and in sluice, and compares the weights.

    python recipes.py SLUICE [--keep DIR] [--only WORD]

Needs mergekit 0.1.5, torch and safetensors (bench/mergekit/install). The recipes cover the keys, forms of values, scopes
and slices of mergekit's grammar, on a family of four layers. A recipe agrees if the weights are the same bits; if they are
within a unit of the last place, by the order of a sum over a tensor (24 units for means on a sphere); if at most one element in 100 differs, by what
stays at a threshold; or, for masks that are drawn, if as many deltas are kept. Names of tensors, types, and the number of layers in
the config must be the same in any case.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import compare
import torch
import yaml
from compare import DRAWN, load
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

compare.LAYERS = 4

TIES = """
merge_method: ties
base_model: base
models:
  - model: a
    parameters: {weight: 0.7, density: 0.5}
  - model: b
    parameters: {weight: 0.4, density: 0.3}
dtype: bfloat16
"""
SLERP = """
slices:
  - sources:
      - {model: base, layer_range: [0, 4]}
      - {model: a, layer_range: [0, 4]}
merge_method: slerp
base_model: base
dtype: bfloat16
"""


def models(names, **each):
    lines = []
    for i, name in enumerate(names.split()):
        lines.append(f"  - model: {name}")
        pairs = ", ".join(f"{key}: {value[i]}" for key, value in each.items() if value[i] is not None)
        if pairs:
            lines.append("    parameters: {%s}" % pairs)
    return "models:\n" + "\n".join(lines) + "\n"


def layers(*slices, more=""):
    """Slices of sources: `name first last [parameters]`, and what stands beside the sources."""
    text = "slices:\n"
    for sources in slices:
        extra = sources[-1] if isinstance(sources, tuple) else None
        text += "  - sources:\n"
        for source in sources[0] if isinstance(sources, tuple) else sources:
            name, first, last, *rest = source.split(" ", 3)
            text += f"      - {{model: {name}, layer_range: [{first}, {last}]{', parameters: ' + rest[0] if rest else ''}}}\n"
        if extra:
            text += f"    parameters: {extra}\n"
    return text + more


def recipes():
    head = "dtype: bfloat16\n"
    based = "base_model: base\n" + head
    two = dict(weight=[0.6, 0.4])
    yield "linear", "merge_method: linear\n" + models("a b", **two) + head
    yield "linear, three, no division", "merge_method: linear\n" + models("a b c", weight=[0.7, -0.2, 1.3]) + "parameters: {normalize: false}\n" + head
    yield "linear, gradient", "merge_method: linear\n" + models("a b", weight=["[0.1, 0.9]", "[1, 0.5, 0]"]) + head
    yield "linear, one weight for all", "merge_method: linear\n" + models("a b c") + "parameters: {weight: 1.0}\n" + head
    yield "linear, weights in quotes", "merge_method: linear\n" + models("a b", weight=['"0.6"', "'4e-1'"]) + head
    yield "linear, numbers of YAML 1.1", "merge_method: linear\n" + models("a b", weight=["1_0", "0x10"]) + head
    yield "linear, octal and e without a point", "merge_method: linear\n" + models("a b", weight=["010", "5e-1"]) + head
    yield "linear, base listed with a weight", "merge_method: linear\n" + models("a base b", weight=[0.5, 0.2, 0.3]) + based
    yield "linear, base not listed, weight for all", "merge_method: linear\n" + models("a b") + "parameters: {weight: 0.5}\n" + based
    yield "linear without a type", "merge_method: linear\n" + models("a b", **two)
    yield "linear, mixed types without a type", "merge_method: linear\n" + models("a f", **two)
    yield "linear, F32, written as F16", "merge_method: linear\n" + models("a b", **two) + "dtype: float32\nout_dtype: float16\n"
    yield "linear, torch.bfloat16", "merge_method: linear\n" + models("a b", **two) + "dtype: torch.bfloat16\n"
    yield "task_arithmetic", "merge_method: task_arithmetic\n" + models("a b", **two) + based
    yield "task_arithmetic, base listed", "merge_method: task_arithmetic\n" + models("base a b", weight=[None, 0.6, 0.4]) + based
    yield "task_arithmetic, base listed with numbers", "merge_method: task_arithmetic\n" + models("base a b", weight=[9, 0.6, 0.4]) + based
    yield "task_arithmetic, lambda and normalize", "merge_method: task_arithmetic\n" + models("a b", **two) + "parameters: {lambda: 0.8, normalize: yes}\n" + based
    yield "ties", TIES
    yield "ties, int8_mask and normalize", TIES + "parameters: {int8_mask: true, normalize: on}\n"
    yield "ties, normalize 1.0", TIES + "parameters: {normalize: 1.0}\n"
    yield "ties, normalize off, rescale", TIES + "parameters: {normalize: off, rescale: True}\n"
    yield "ties, lambda by filter", TIES + "parameters: {lambda: [{filter: mlp, value: 0.5}, {filter: self_attn, value: [0.2, 1.4]}, {value: 1}]}\n"
    yield "ties, unknown keys everywhere", TIES + "name: mine\nint_space: 3\nparameters: {densitty: 0.1, t: 0.5}\nselect_topk: 0.2\n"
    yield "ties, a single filter as a mapping", TIES.replace("weight: 0.4", "weight: {filter: '*', value: 0.4}")
    yield "ties, filters fall through to all", TIES.replace("weight: 0.7", "weight: [{filter: q_proj, value: 0.9}]") + "parameters: {weight: 0.2}\n"
    yield "ties, F16", TIES.replace("bfloat16", "float16")
    yield "ties, F32", TIES.replace("bfloat16", "float32")
    yield "ties, anchors", TIES.replace("{weight: 0.7, density: 0.5}", "&p {weight: 0.7, density: 0.5}").replace("{weight: 0.4, density: 0.3}", "*p")
    yield "ties, merge keys", TIES.replace("{weight: 0.7, density: 0.5}", "&p {weight: 0.7, density: 0.5}").replace("{weight: 0.4, density: 0.3}", "{<<: *p, density: 0.3}")
    yield "ties, JSON", json.dumps(yaml.safe_load(TIES))
    yield "ties, nothing after keys", TIES + "out_dtype:\ntokenizer_source: null\nparameters:\n"
    yield "dare_ties, without density", "merge_method: dare_ties\n" + models("a b", **two) + based
    yield "dare_ties", "merge_method: dare_ties\n" + models("a b", density=[0.5, 0.3], **two) + based
    yield "dare_linear", "merge_method: dare_linear\n" + models("a b", density=[0.5, "[0.2, 0.8]"], **two) + based
    yield "dare_linear, no rescale", "merge_method: dare_linear\n" + models("a b", density=[0.5, 0.5], **two) + "parameters: {rescale: false}\n" + based
    yield "breadcrumbs", "merge_method: breadcrumbs\n" + models("a b", density=[0.5, 0.9], gamma=[0.05, 0.01], **two) + based
    yield "breadcrumbs_ties", "merge_method: breadcrumbs_ties\n" + models("a b", density=[0.5, 0.9], **two) + based
    yield "della", "merge_method: della\n" + models("a b", density=[0.5, 0.6], epsilon=[0.2, 0.1], **two) + based
    yield "della_linear", "merge_method: della_linear\n" + models("a b", density=[0.5, 0.6], **two) + "parameters: {epsilon: 0.1, lambda: 1.1}\n" + based
    yield "model_stock", "merge_method: model_stock\n" + models("a b c") + based
    yield "model_stock, base listed, filter_wise", "merge_method: model_stock\n" + models("base a b c") + "parameters: {filter_wise: true}\n" + based
    yield "sce", "merge_method: sce\n" + models("a b c") + "parameters: {select_topk: 0.4, int8_mask: true}\n" + based
    yield "nearswap", "merge_method: nearswap\n" + models("a") + "parameters: {t: [0.001, 0.02]}\n" + based
    yield "ram", "merge_method: ram\n" + models("a b c") + based
    yield "ramplus_tl", "merge_method: ramplus_tl\n" + models("a b c") + "parameters: {r: 0.3}\nout_dtype: bfloat16\n" + based
    yield "arcee_fusion", "merge_method: arcee_fusion\n" + models("a") + based
    yield "karcher", "merge_method: karcher\n" + models("a b c") + "parameters: {max_iter: 5}\ndtype: float32\n"
    yield "karcher, base not listed", "merge_method: karcher\nbase_model: base\n" + models("a b") + "dtype: float32\n"
    yield "multislerp", "merge_method: multislerp\n" + models("a b c", weight=[1, 2, 3]) + "dtype: float32\n"
    yield "nuslerp", "merge_method: nuslerp\n" + models("a b", **two) + head
    yield "nuslerp, with a base, by rows", "merge_method: nuslerp\n" + models("a b", **two) + "parameters: {nuslerp_flatten: false}\n" + based
    yield "nuslerp, by columns", "merge_method: nuslerp\n" + models("a b", **two) + "parameters: {nuslerp_flatten: false, nuslerp_row_wise: true}\n" + based
    yield "slerp, models", "merge_method: slerp\n" + models("a base") + "parameters: {t: 0.3}\n" + based
    yield "slerp, as published", SLERP + "parameters:\n  t:\n    - filter: self_attn\n      value: [0, 0.5, 0.3, 0.7, 1]\n    - filter: mlp\n      value: [1, 0.5, 0.7, 0.3, 0]\n    - value: 0.5\n"
    yield "slerp, t of the slice", SLERP.replace("merge_method", "    parameters: {t: [0.2, 0.9]}\nmerge_method")
    yield "passthrough, a model", "merge_method: passthrough\n" + models("a") + head
    yield "passthrough, cast", "merge_method: passthrough\n" + models("a") + "dtype: float16\n"
    yield "stack of two", "merge_method: passthrough\n" + layers(["a 0 3"], ["b 1 4"]) + head
    yield "stack, one layer four times", "merge_method: passthrough\n" + layers(["a 0 2"], ["a 1 2"], ["a 1 2"], ["a 1 4"]) + head
    yield "stack without a type", "merge_method: passthrough\n" + layers(["a 0 4"], ["b 0 4"])
    yield "stack, cut", "merge_method: passthrough\n" + layers(["a 0 1"], ["a 3 4"]) + head
    yield "stack with layers that do nothing", "merge_method: passthrough\n" + layers(["a 0 3"], ["a 2 4 {scale: [{filter: o_proj, value: 0.0}, {filter: down_proj, value: 0.0}, {value: 1.0}]}"]) + head
    yield "stack, scale of the slice", "merge_method: passthrough\n" + layers((["a 0 3"], "{scale: 0.5}"), ["b 2 4"]) + head
    yield "stack, residual_weight", "merge_method: passthrough\n" + layers(["a 0 3"], ["b 2 4"]).replace("  - sources", "  - residual_weight: 0.5\n    sources", 1) + head
    yield "slices, linear, other layers", "merge_method: linear\n" + layers(["a 0 2 {weight: 0.7}", "b 2 4 {weight: 0.3}"], ["a 2 4 {weight: [0.1, 0.9]}", "b 0 2 {weight: 0.5}"]) + head
    yield "slices, linear, filter by number", "merge_method: linear\n" + layers(["a 1 3 {weight: [{filter: layers.2., value: 0.9}, {value: 0.1}]}", "b 0 2 {weight: 0.5}"], ["a 0 1 {weight: 1}", "b 3 4 {weight: [2, 3]}"]) + head
    yield "slices, linear, one source and two", "merge_method: linear\n" + layers(["a 0 2 {weight: 0.7}"], ["b 2 4 {weight: 0.6}", "a 2 4 {weight: 0.2}"]) + head
    yield "slices, ties, two sources and three", "merge_method: ties\n" + layers(["base 0 2", "a 0 2 {weight: 0.7, density: 0.5}"], ["base 2 4", "a 2 4 {weight: 0.7}", "b 2 4 {weight: 0.4}"]) + based
    yield "slices, task_arithmetic, three sources and two", "merge_method: task_arithmetic\n" + layers(["a 0 2 {weight: 0.7}", "base 0 2", "b 0 2 {weight: 0.5}"], ["base 2 4", "b 2 4 {weight: 0.4}"]) + based
    yield "slices, slerp, gradient in each", "merge_method: slerp\n" + layers(["base 0 2", "a 0 2"], ["base 2 4", "a 2 4"]) + "parameters: {t: [0.1, 0.9]}\n" + based
    yield "slices, slerp, base second", "merge_method: slerp\n" + layers((["a 0 3", "base 0 3"], "{t: 0.2}"), (["base 3 4", "a 3 4"], "{t: [0.3, 0.8]}")) + based
    yield "slices, ties", "merge_method: ties\n" + layers(["base 0 2", "a 0 2 {weight: 0.7, density: 0.5}", "b 0 2 {weight: 0.4, density: [0.2, 0.9]}"], ["base 1 4", "a 1 4 {weight: 0.7}", "b 1 4 {weight: 0.4, density: 0.3}"]) + based
    yield "slices, dare_ties", "merge_method: dare_ties\n" + layers(["base 0 4", "a 0 4 {weight: 0.7, density: 0.5}", "b 0 4 {weight: 0.4, density: 0.5}"], ["base 0 4", "a 0 4 {weight: 0.7, density: 0.5}", "b 0 4 {weight: 0.4, density: 0.5}"]) + based
    yield "slices, model_stock", "merge_method: model_stock\n" + layers(["base 0 2", "a 0 2", "b 0 2"], ["base 1 4", "a 1 4", "b 1 4"]) + based
    yield "modules", "merge_method: linear\nmodules:\n  default:\n    " + models("a b", **two).replace("\n", "\n    ") + "parameters: {normalize: false}\n" + head
    yield "modules with slices", "merge_method: passthrough\nmodules:\n  default:\n    " + layers(["a 0 3"], ["b 2 4"]).replace("\n", "\n    ") + "\n" + head
    yield "model as a mapping", "merge_method: linear\nmodels:\n  - {model: {model: {path: a}}, parameters: {weight: 0.6}}\n  - {model: {model: {path: b, revision: null}}, parameters: {weight: 0.4}}\n" + head


THRESHOLDS = {"ties", "breadcrumbs", "breadcrumbs_ties", "sce", "arcee_fusion", "della", "della_linear"}
# Their factors follow from sums over tensors, which run in Float32 and another order there.
ON_SPHERES = {"karcher", "multislerp"}


def verdict(method, mine, theirs, family, drawn):
    """What the weights have in common: in a word, which is None where more could be had, and in detail."""
    if set(mine) != set(theirs):
        return None, f"other tensors: {sorted(set(mine) ^ set(theirs))[:3]}"
    for name, tensor in theirs.items():
        if mine[name].shape != tensor.shape or mine[name].dtype != tensor.dtype:
            return None, f"type or shape of {name}: {mine[name].dtype}, {tensor.dtype}"
    total = sum(t.numel() for t in theirs.values())
    equal = sum(int((mine[n] == t).sum()) for n, t in theirs.items())
    if equal == total:
        return "bit-equal", ""
    if drawn:
        size = [sum(float(t.double().abs().sum()) for t in x.values()) / total for x in (mine, theirs)]
        return "statistics" if abs(size[0] - size[1]) < 0.01 * size[1] else None, f"mean magnitude {size[0]:.5f} / {size[1]:.5f}"
    worst = 0.0
    for name, tensor in theirs.items():
        largest = torch.maximum(mine[name].double().abs(), tensor.double().abs())
        for inputs in family.values():
            if name in inputs and inputs[name].shape == tensor.shape:
                largest = torch.maximum(largest, inputs[name].double().abs())
        unit = 2.0 ** torch.floor(torch.log2(largest.clamp(min=1e-30))) * compare.UNITS[tensor.dtype]
        worst = max(worst, float(((mine[name].double() - tensor.double()).abs() / unit).max()))
    share = 100 * equal / total
    text = f"{share:.3f} % equal, others within {worst:.2f} units"
    if worst <= 1.01:
        return "within a unit", text
    if method in ON_SPHERES and worst <= 24:
        return "order of sums", text
    return "at thresholds" if share >= 99 and method in THRESHOLDS else None, text


def layer_count(folder):
    with open(f"{folder}/config.json") as file:
        return json.load(file)["num_hidden_layers"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--keep")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    sluice = os.path.realpath(options.sluice)
    root = options.keep or tempfile.mkdtemp()
    compare.write_family(root, 1, "BF16")
    compare.write_family(f"{root}/F32", 1, "F32")
    shutil.move(f"{root}/F32/a", f"{root}/f")
    os.chdir(root)
    family = {name: load(name) for name in ["base", "a", "b", "c"]}
    agree = count = 0
    classes = {}
    for number, (label, text) in enumerate(recipes()):
        if options.only not in label:
            continue
        count += 1
        with open("recipe.yaml", "w") as file:
            file.write(text)
        method = yaml.safe_load(text)["merge_method"]
        outs = [f"out-{kind}-{number}" for kind in ["mergekit", "sluice"]]
        done = subprocess.run([sluice, "run", "recipe.yaml", "--out", outs[1], "--quiet"], capture_output=True, text=True)
        failed = None
        try:
            run_merge(MergeConfiguration.model_validate(yaml.safe_load(text)), outs[0],
                      MergeOptions(cuda=False, random_seed=1, quiet=True, write_model_card=False, copy_tokenizer=False))
        except Exception as error:
            failed = f"{type(error).__name__}: {str(error)[:100]}"
        kind = None
        if done.returncode or failed:
            text = f"mergekit: {failed or 'runs'}; sluice: {done.stderr.strip().splitlines()[:1] if done.returncode else 'runs'}"
        else:
            drawn = method in DRAWN and "density" in text
            kind, text = verdict(method, load(outs[1]), load(outs[0]), family, drawn)
            if layer_count(outs[0]) != layer_count(outs[1]):
                kind, text = None, text + "; other numbers of layers"
        classes[kind or "differ"] = classes.get(kind or "differ", 0) + 1
        agree += kind is not None
        print(f"{kind or 'DIFFERS':13} {label}{': ' + text if text else ''}", flush=True)
        if not options.keep:
            for out in outs:
                shutil.rmtree(out, ignore_errors=True)
    os.chdir("/")
    if not options.keep:
        shutil.rmtree(root)
    print(f"{agree} of {count} recipes agree: " + ", ".join(f"{n} {kind}" for kind, n in sorted(classes.items())))
    sys.exit(agree != count)


main()
