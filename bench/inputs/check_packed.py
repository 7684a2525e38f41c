#!/usr/bin/env python3
"""Compares what sluice reads of packed weights with transformers and compressed-tensors, bit for bit in Float32.

    check_packed.py SLUICE

A checkpoint of each layout is made with the library, scales in another shard than codes, and merged with itself as F32:
what comes out is what was read. Needs torch, transformers, compressed-tensors and safetensors; says so and stops where
they are missing.
"""
import json, os, subprocess, sys, tempfile

try:
    import torch
    from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32
    from compressed_tensors.quantization import QuantizationArgs
    from compressed_tensors.quantization.lifecycle.forward import dequantize
    from safetensors.torch import load_file, save_file
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors
except ImportError as error:
    sys.exit(f"skipped: {error}")

NAME = "model.layers.0.mlp.up_proj"
OUT, IN = 256, 512


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def codes_fp8(seed=0):
    return (random(OUT, IN, seed=seed) * 100).to(torch.float8_e4m3fn)


def scales(*shape, dtype=torch.float32):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(7)) * 0.01 + 0.001).to(dtype)


def compressed(form, **weights):
    return {"quant_method": "compressed-tensors", "format": form,
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": dict(symmetric=True, **weights)}}}


def block(dtype):
    w, s = codes_fp8(), scales(2, 4, dtype=dtype)
    value = Fp8Dequantize(None)._dequantize_one(w, s, output_dtype=torch.float32)
    return {"quant_method": "fp8", "weight_block_size": [128, 128]}, {f"{NAME}.weight": w, f"{NAME}.weight_scale_inv": s}, value, f"{NAME}.weight"


def scaled(strategy, dtype):
    w, s = codes_fp8(), scales(*{"tensor": (1,), "channel": (OUT, 1)}[strategy], dtype=dtype)
    args = QuantizationArgs(num_bits=8, type="float", symmetric=True, strategy=strategy)
    value = dequantize(x_q=w.float(), scale=s.float(), args=args, dtype=torch.float32)
    return compressed("float-quantized", num_bits=8, type="float", strategy=strategy), {f"{NAME}.weight": w, f"{NAME}.weight_scale": s}, value, f"{NAME}.weight"


def int4(group, dtype):
    q = torch.randint(-8, 8, (OUT, IN), generator=torch.Generator().manual_seed(3)).to(torch.int8)
    s = scales(OUT, IN // group, dtype=dtype)
    packed = pack_to_int32(q, 4)
    args = QuantizationArgs(num_bits=4, type="int", symmetric=True, strategy="group", group_size=group)
    value = dequantize(x_q=unpack_from_int32(packed, 4, torch.Size((OUT, IN))).float(), scale=s.float(), args=args, dtype=torch.float32)
    tensors = {f"{NAME}.weight_packed": packed, f"{NAME}.weight_scale": s, f"{NAME}.weight_shape": torch.tensor([OUT, IN])}
    return compressed("pack-quantized", num_bits=4, type="int", strategy="group", group_size=group), tensors, value, f"{NAME}.weight"


def nvfp4():
    packed = torch.randint(0, 256, (OUT, IN // 2), generator=torch.Generator().manual_seed(4)).to(torch.uint8)
    s = (scales(OUT, IN // 16) * 20000).to(torch.float8_e4m3fn)
    g = torch.tensor([731.25])
    args = QuantizationArgs(num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16)
    value = dequantize(x_q=unpack_fp4_from_uint8(packed, OUT, IN).float(), scale=s.float(), global_scale=g, args=args, dtype=torch.float32)
    tensors = {f"{NAME}.weight_packed": packed, f"{NAME}.weight_scale": s, f"{NAME}.weight_global_scale": g}
    return compressed("nvfp4-pack-quantized", num_bits=4, type="float", strategy="tensor_group", group_size=16), tensors, value, f"{NAME}.weight"


def mxfp4():
    experts, name = 3, "model.layers.0.mlp.experts.down_proj"
    g = torch.Generator().manual_seed(5)
    blocks = torch.randint(0, 256, (experts, OUT, IN // 32, 16), generator=g).to(torch.uint8)
    s = torch.randint(110, 135, (experts, OUT, IN // 32), generator=g).to(torch.uint8)
    value = convert_moe_packed_tensors(blocks, s, dtype=torch.float32)
    return {"quant_method": "mxfp4"}, {f"{name}_blocks": blocks, f"{name}_scales": s}, value, name


LAYOUTS = {
    "fp8 block, scales F32": lambda: block(torch.float32), "fp8 block, scales BF16": lambda: block(torch.bfloat16),
    "fp8 channel, scales F32": lambda: scaled("channel", torch.float32), "fp8 channel, scales BF16": lambda: scaled("channel", torch.bfloat16),
    "fp8 tensor, scales F32": lambda: scaled("tensor", torch.float32), "fp8 tensor, scales BF16": lambda: scaled("tensor", torch.bfloat16),
    "int4 groups of 32, scales BF16": lambda: int4(32, torch.bfloat16), "int4 groups of 128, scales F16": lambda: int4(128, torch.float16),
    "nvfp4": nvfp4, "mxfp4": mxfp4,
}


def put(directory, quantisation, tensors):
    os.makedirs(directory)
    with open(f"{directory}/config.json", "w") as f:
        json.dump({"model_type": "llama", "torch_dtype": "bfloat16", "quantization_config": quantisation}, f)
    where = {}
    for i, (name, tensor) in enumerate(tensors.items(), 1):
        file = f"model-{i:05d}-of-{len(tensors):05d}.safetensors"
        save_file({name: tensor.contiguous()}, f"{directory}/{file}", {"format": "pt"})
        where[name] = file
    with open(f"{directory}/model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {}, "weight_map": where}, f)


def main(sluice):
    failed = 0
    for kind, make in LAYOUTS.items():
        quantisation, tensors, value, name = make()
        with tempfile.TemporaryDirectory() as directory:
            put(f"{directory}/model", quantisation, tensors)
            done = subprocess.run([sluice, "merge", "--base", f"{directory}/model", "--model", f"a={directory}/model", "--prune", "none",
                                   "--merge", "average", "--dtype", "F32", "--out", f"{directory}/out"], capture_output=True, text=True)
            if done.returncode:
                print(f"{kind}: FAILED: {done.stderr.strip()}")
                failed += 1
                continue
            found = load_file(f"{directory}/out/model.safetensors")[name]
            equal = found.shape == value.shape and torch.equal(found.view(torch.int32), (value + 0.0).view(torch.int32))
            left = json.load(open(f"{directory}/out/config.json")).get("quantization_config")
            failed += not equal or left is not None
            print(f"{kind}: {'equal' if equal else 'DIFFERENT'}, {value.numel()} weights" + (", quantization_config LEFT" if left else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
