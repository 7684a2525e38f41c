"""Writes the PyTorch fixtures: one tiny family in every layout that torch.save can produce.

    python3 Tests/Fixtures/torch/generate.py

Needs torch and safetensors (the versions used are in PROVENANCE.json). Each folder holds the same
weights; `expected.safetensors` are those weights as safetensors, contiguous. Files under `refused`
are sound PyTorch files that sluice refuses with advice.
"""

import hashlib
import json
import pathlib
import shutil
from collections import OrderedDict

import safetensors
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent


def weights(seed, dtype):
    """A base (seed 0) or a fine-tune of it, in the layer names of a Llama."""
    base = torch.Generator().manual_seed(7)
    tune = torch.Generator().manual_seed(seed)
    shapes = {
        "model.embed_tokens.weight": (11, 6),
        "model.layers.0.input_layernorm.weight": (6,),
        "model.layers.0.self_attn.q_proj.weight": (8, 6),
        "model.layers.0.mlp.down_proj.weight": (6, 10),
        "model.layers.0.mlp.experts.up_proj.weight": (2, 5, 6),
        "model.norm.weight": (6,),
        "lm_head.weight": (11, 6),
    }
    result = OrderedDict()
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=base) * 0.05
        if seed:
            change = torch.randn(shape, generator=tune)
            value = value + change * 0.01 * (1 + 4 * (change.abs() > 1.5))
        result[name] = value.to(dtype)
    result["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.tensor([1.0, 0.1])
    result["model.position_ids"] = torch.arange(5, dtype=torch.int64)[None]
    result["model.empty"] = torch.zeros((0, 3), dtype=dtype)
    result["model.scale"] = torch.tensor(0.25 + seed / 8, dtype=dtype)
    return result


# How a state dict may lie in its storages; each maps weights to an equal state dict.
def contiguous(state):
    return state


def parameters(state):
    return OrderedDict(
        (k, torch.nn.Parameter(v, requires_grad=True) if v.is_floating_point() else v)
        for k, v in state.items())


def transposed(state):
    """Column-major matrices; stacks with their dimensions in reverse."""
    return OrderedDict(
        (k, v.permute(*reversed(range(v.dim()))).contiguous().permute(*reversed(range(v.dim())))
         if v.dim() > 1 else v) for k, v in state.items())


def shared(state):
    """All tensors of a dtype are views of one storage, in reverse order, behind padding."""
    result = OrderedDict()
    for dtype in {v.dtype for v in state.values()}:
        names = [k for k in state if state[k].dtype == dtype]
        flat = torch.cat([torch.zeros(3, dtype=dtype)] + [state[k].flatten() for k in reversed(names)])
        start = 3
        for name in reversed(names):
            count = state[name].numel()
            result[name] = flat[start:start + count].view(state[name].shape)
            start += count
    return OrderedDict((k, result[k]) for k in state)


def sliced(state):
    """Every other row and column of larger storages, and columns of matrices."""
    result = OrderedDict()
    for name, value in state.items():
        if value.dim() == 0 or value.numel() == 0:
            result[name] = value
            continue
        big = torch.full([2 * n + 1 for n in value.shape] + [2], 99).to(value.dtype)
        index = tuple(slice(1, None, 2) for _ in value.shape) + (1,)
        big[index] = value
        result[name] = big[index]
    return result


def with_equal_norms(state):
    return OrderedDict(
        (k, v[:1].repeat(6) if k == "model.norm.weight" else v) for k, v in state.items())


def expanded(state):
    """One number for all of the last norm, with a stride of 0; for weights with equal norms."""
    result = OrderedDict(state)
    result["model.norm.weight"] = state["model.norm.weight"][:1].expand(6)
    return result


def metadata(state):
    state = OrderedDict(state)
    state._metadata = OrderedDict([("", {"version": 1}), ("model", {"version": 2})])
    return state


def plain(state):
    return dict(state)


def save(state, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path, **options)


def family(folder, layout, dtype, change=lambda s: s, **options):
    for seed, model in enumerate(["base", "math", "law"]):
        state = change(weights(seed, dtype))
        target = HERE / folder / model
        if layout is not None:
            save(layout(state), target / "pytorch_model.bin", **options)
        (target).mkdir(parents=True, exist_ok=True)
        expected = {k: v.contiguous().clone() for k, v in state.items()}
        safetensors.torch.save_file(expected, target / "expected.safetensors", {"format": "pt"})


def sharded(folder, dtype):
    for seed, model in enumerate(["base", "math", "law"]):
        state = weights(seed, dtype)
        names = list(state)
        parts = [names[0::2], names[1::2]]
        index = {"metadata": {"total_size": 0}, "weight_map": {}}
        for number, part in enumerate(parts):
            file = f"pytorch_model-{number + 1:05}-of-00002.bin"
            save({k: state[k] for k in part}, HERE / folder / model / file)
            index["weight_map"].update({k: file for k in part})
        (HERE / folder / model / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        expected = {k: v.contiguous().clone() for k, v in state.items()}
        safetensors.torch.save_file(
            expected, HERE / folder / model / "expected.safetensors", {"format": "pt"})


def refused():
    state = weights(1, torch.bfloat16)
    folder = HERE / "refused"
    save(state, folder / "legacy.bin", _use_new_zipfile_serialization=False)
    save(state, folder / "protocol4.bin", pickle_protocol=4)
    save(state, folder / "protocol5.bin", pickle_protocol=5)
    save({"epoch": 3, "state_dict": state}, folder / "training.bin")
    save({"a": 1, "b": state["model.norm.weight"]}, folder / "number.bin")
    save(state["model.norm.weight"], folder / "tensor.bin")
    save([state["model.norm.weight"]], folder / "list.bin")
    save({"q": torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)}, folder / "quantised.bin")
    save({"s": torch.eye(3).to_sparse()}, folder / "sparse.bin")
    save({"c": torch.ones(2, dtype=torch.complex128)}, folder / "complex128.bin")
    save({"n": torch.ones(2, dtype=torch.complex64).conj()}, folder / "conjugated.bin")
    save({"m": torch.ones(2, device="meta")}, folder / "meta.bin")
    save({"f": torch.zeros(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)}, folder / "float4.bin")
    save(torch.nn.Linear(2, 2), folder / "module.bin")
    script = torch.jit.script(torch.nn.Linear(2, 2))
    script.save(folder / "script.bin")


def main():
    for child in HERE.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
    bf16, f16, f32, f64 = torch.bfloat16, torch.float16, torch.float32, torch.float64
    family("contiguous", contiguous, bf16)
    family("parameters", parameters, f16)
    family("transposed", transposed, bf16)
    family("transposed-f32", transposed, f32)
    family("shared", shared, bf16)
    family("sliced", sliced, f16)
    family("sliced-f64", sliced, f64)
    family("expanded", expanded, f32, change=with_equal_norms)
    family("metadata", metadata, f16)
    family("plain", plain, bf16)
    family("protocol3", contiguous, bf16, pickle_protocol=3)
    torch.serialization.set_crc32_options(False)
    family("no-crc", contiguous, bf16)
    torch.serialization.set_crc32_options(True)
    torch.utils.serialization.config.save.storage_alignment = 4096
    family("aligned-4096", contiguous, f16)
    torch.utils.serialization.config.save.storage_alignment = 64
    sharded("sharded", bf16)
    types = {str(t).split(".")[1]: torch.arange(4).to(t) for t in [
        torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8,
        torch.int16, torch.int32, torch.int64, torch.bool, torch.complex64, torch.uint16,
        torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
        torch.float8_e5m2fnuz]}
    save(types, HERE / "types" / "pytorch_model.bin")
    safetensors.torch.save_file(types, HERE / "types" / "expected.safetensors", {"format": "pt"})
    refused()
    hashes = {
        str(p.relative_to(HERE)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(HERE.rglob("*")) if p.is_file() and p.name != "PROVENANCE.json"}
    (HERE / "PROVENANCE.json").write_text(json.dumps({
        "made_by": "generate.py", "torch": torch.__version__,
        "safetensors": safetensors.__version__, "sha256": hashes}, indent=1) + "\n")


main()
