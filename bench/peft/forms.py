"""Makes adapters in every form that sluice folds, with PEFT, and what PEFT folds them to.

    python forms.py OUT [FORM...]
    python forms.py --fixtures OUT

OUT/FORM/base, OUT/FORM/adapter and OUT/FORM/expected each hold a model or adapter; OUT/FORM/form.json says
how sluice is asked for it. OUT/FORM/exact holds the sums in F64 of plain linear layers. All weights are random,
and the same in every run of the same versions.

With --fixtures, models are very small, bases are shared, and of what is expected only what differs from the
base is kept: Tests/Fixtures/peft is made like this.
"""

import json
import os
import shutil
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

transformers.utils.logging.disable_progress_bar()

SIZES = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=80)
SMALL = dict(n_embd=64, n_head=4, vocab_size=80, n_positions=32)
TOKENS = dict(bos_token_id=1, eos_token_id=2)


class Convolutions(torch.nn.Module):
    """What a vision model has of them: 1 x 1 in one and two dimensions."""

    def __init__(self):
        super().__init__()
        self.config = {"tie_word_embeddings": False}
        self.blocks = torch.nn.ModuleList([torch.nn.Module() for _ in range(2)])
        for block in self.blocks:
            block.flat = torch.nn.Conv2d(12, 20, 1)
            block.line = torch.nn.Conv1d(12, 20, 1)


def model(kind, dtype):
    torch.manual_seed(7)
    if kind == "llama":
        made = transformers.LlamaForCausalLM(transformers.LlamaConfig(tie_word_embeddings=False, **SIZES))
    elif kind == "qwen2":
        made = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(tie_word_embeddings=True, **SIZES))
    elif kind == "mixtral":
        made = transformers.MixtralForCausalLM(transformers.MixtralConfig(num_local_experts=4, **SIZES))
    elif kind == "gpt2":
        made = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_layer=2, **SMALL, **TOKENS)
        )
    else:
        made = Convolutions()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.dim() == 1:
                parameter.normal_(1 if "norm" in name or "ln_" in name else 0, 0.1)
            else:
                parameter.normal_(0, 0.05)
    return made.to(dtype)


ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MLP = ["gate_proj", "up_proj", "down_proj"]
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]

# name: kind, what PEFT is asked for, and what else is special.
FORMS = {
    "llama": ("llama", dict(r=4, target_modules=ATTENTION + MLP)),
    "llama-rank-64": ("llama", dict(r=64, lora_alpha=16, target_modules=ATTENTION)),
    "llama-rslora": ("llama", dict(r=8, lora_alpha=3, use_rslora=True, target_modules=ATTENTION)),
    "llama-dora": ("llama", dict(r=4, use_dora=True, target_modules=ATTENTION + MLP)),
    "llama-patterns": (
        "llama",
        dict(
            r=4,
            target_modules=ATTENTION + MLP,
            # In the order of letters, since PEFT sorts them when it saves, and then takes the first.
            rank_pattern={"down_proj": 3, r"layers\.[1-9]\..*": 6, "q_proj": 2},
            alpha_pattern={"(gate|up)_proj": 11, "layers.0.mlp.up_proj": 5},
        ),
    ),
    "llama-saved": ("llama", dict(r=4, target_modules=["q_proj"], modules_to_save=["lm_head", "input_layernorm"])),
    "llama-embedding": ("llama", dict(r=4, target_modules=["q_proj", "embed_tokens"])),
    "llama-embedding-dora": ("llama", dict(r=4, use_dora=True, target_modules=["embed_tokens"])),
    "llama-tokens": ("llama", dict(r=4, target_modules=["v_proj"], trainable_token_indices=[7, 3, 11])),
    "llama-head": ("llama", dict(r=4, target_modules=["lm_head", "k_proj"])),
    "llama-bin": ("llama", dict(r=4, target_modules=ATTENTION), dict(safe_serialization=False)),
    "qwen2": ("qwen2", dict(r=8, target_modules=ATTENTION + MLP)),
    "qwen2-bias-all": ("qwen2", dict(r=4, target_modules=["q_proj"], bias="all")),
    "qwen2-bias-lora": ("qwen2", dict(r=4, target_modules=["q_proj"], bias="lora_only")),
    "qwen2-lora-bias": ("qwen2", dict(r=4, target_modules=["q_proj", "k_proj"], lora_bias=True)),
    "qwen2-tokens": ("qwen2", dict(r=4, target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [5, 1]})),
    "mixtral": ("mixtral", dict(r=4, target_modules=ATTENTION)),
    "mixtral-experts": ("mixtral", dict(r=3, target_modules=["q_proj"], target_parameters=EXPERTS), dict(experts="peft")),
    "mixtral-down": (
        "mixtral",
        dict(r=4, target_modules=[], target_parameters=EXPERTS[1:], rank_pattern={"experts.down_proj": 2}),
        dict(experts="peft"),
    ),
    "gpt2": ("gpt2", dict(r=4, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)),
    "gpt2-dora": ("gpt2", dict(r=4, use_dora=True, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "gpt2-embedding": ("gpt2", dict(r=4, target_modules=["wte", "c_attn"], fan_in_fan_out=True)),
    "convolutions": ("convolutions", dict(r=4, target_modules=["flat", "line"])),
}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def read(path):
    from safetensors import safe_open

    found = {}
    for name in sorted(os.listdir(path)):
        if name.endswith(".safetensors"):
            with safe_open(f"{path}/{name}", "pt") as file:
                found.update({key: file.get_tensor(key) for key in file.keys()})
    return found


def exact(place, asked):
    """The sums in F64, of what is nothing but linear layers of one rank and scale; None for other forms."""
    special = {"rank_pattern", "use_dora", "use_rslora", "fan_in_fan_out", "target_parameters", "bias", "lora_bias"}
    factors = read(f"{place}/adapter") if os.path.exists(f"{place}/adapter/adapter_model.safetensors") else {}
    if special & asked.keys() or not factors or not all(".lora_A.weight" in k or ".lora_B.weight" in k for k in factors):
        return None
    sums = {name: weight.double() for name, weight in read(f"{place}/base").items()}
    scale = asked.get("lora_alpha", 8) / asked["r"]
    for key, a in factors.items():
        if ".lora_A.weight" not in key:
            continue
        name = key.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
        product = factors[key.replace("lora_A", "lora_B")].double().flatten(1) @ a.double().flatten(1)
        sums[name] += (scale * product).reshape(sums[name].shape)
    return sums


def save(made, path):
    if isinstance(made, Convolutions):
        os.makedirs(path)
        save_file({k: v.contiguous() for k, v in made.state_dict().items()}, f"{path}/model.safetensors")
    else:
        made.save_pretrained(path)


def fold(base, adapter, casts=True, safe=False):
    return PeftModel.from_pretrained(base, adapter, autocast_adapter_dtype=casts).merge_and_unload(safe_merge=safe)


def make(place, name, dtype_name):
    kind, asked, *rest = FORMS[name]
    special = rest[0] if rest else {}
    dtype = DTYPES[dtype_name]
    shutil.rmtree(place, ignore_errors=True)
    save(model(kind, dtype), f"{place}/base")
    torch.manual_seed(11)
    wrapped = get_peft_model(model(kind, dtype), LoraConfig(init_lora_weights=False, **asked), autocast_adapter_dtype=False)
    with torch.no_grad():
        for parameter_name, parameter in wrapped.named_parameters():
            if not parameter.requires_grad and "modules_to_save" not in parameter_name:
                continue
            if "magnitude" in parameter_name:
                parameter.mul_(1 + 0.1 * torch.rand_like(parameter))
            elif "trainable_tokens" in parameter_name or "modules_to_save" in parameter_name or parameter_name.endswith("bias"):
                parameter.add_(0.02 * torch.randn_like(parameter))
            else:
                parameter.normal_(0, 0.15)
    if "safe_serialization" in special:
        # PEFT has written safetensors only for some time; people still have the other.
        wrapped.save_pretrained(f"{place}/adapter")
        from safetensors.torch import load_file

        path = f"{place}/adapter/adapter_model.safetensors"
        torch.save(load_file(path), f"{place}/adapter/adapter_model.bin")
        os.remove(path)
    else:
        wrapped.save_pretrained(f"{place}/adapter")
    readme = f"{place}/adapter/README.md"
    if os.path.exists(readme):
        os.remove(readme)
    save(fold(model(kind, dtype), f"{place}/adapter"), f"{place}/expected")
    save(fold(model(kind, dtype), f"{place}/adapter", casts=False), f"{place}/expected-half")
    sums = exact(place, asked)
    if sums:
        os.makedirs(f"{place}/exact")
        save_file(sums, f"{place}/exact/model.safetensors")
    with open(f"{place}/form.json", "w") as file:
        json.dump(dict(form=name, dtype=dtype_name, **special), file)


# The forms of which there are fixtures in 16 bits, too.
IN_BOTH = {"llama", "llama-embedding", "llama-tokens", "qwen2-lora-bias", "convolutions"}
# Those of which there are fixtures in 16 bits alone, because they are large.
SHORT_ONLY = {"mixtral-experts"}


def fixtures(out):
    SIZES.update(hidden_size=8, intermediate_size=12, num_attention_heads=2, num_key_value_heads=1, vocab_size=12)
    SMALL.update(n_embd=8, n_head=2, vocab_size=12, n_positions=4)
    shutil.rmtree(out, ignore_errors=True)
    for name, (kind, *_) in FORMS.items():
        if name == "llama-rank-64":
            continue
        types = ("bf16",) if name in SHORT_ONLY else ("f32", "bf16") if name in IN_BOTH else ("f32",)
        for dtype_name in types:
            place = f"{out}/{name}-{dtype_name}"
            make(place, name, dtype_name)
            base = f"{out}/bases/{kind}-{dtype_name}"
            weights, expected = read(f"{place}/base"), read(f"{place}/expected")
            if not os.path.exists(base):
                os.makedirs(base)
                save_file(weights, f"{base}/model.safetensors", metadata={"format": "pt"})
                if os.path.exists(f"{place}/base/config.json"):
                    shutil.copy(f"{place}/base/config.json", base)
                else:
                    open(f"{base}/config.json", "w").write("{}\n")
            changed = {k: v for k, v in expected.items() if not torch.equal(v, weights[k])}
            os.makedirs(f"{place}/changed")
            save_file(changed, f"{place}/changed/model.safetensors", metadata={"format": "pt"})
            open(f"{place}/changed/config.json", "w").write("{}\n")
            special = json.load(open(f"{place}/form.json"))
            special["base"] = f"{kind}-{dtype_name}"
            json.dump(special, open(f"{place}/form.json", "w"))
            for rest in ("base", "expected", "expected-half", "exact"):
                shutil.rmtree(f"{place}/{rest}", ignore_errors=True)
            os.rename(f"{place}/changed", f"{place}/expected")
    import peft

    with open(f"{out}/PROVENANCE.json", "w") as file:
        json.dump(
            dict(
                made_with="bench/peft/forms.py --fixtures",
                peft=peft.__version__,
                torch=torch.__version__,
                transformers=transformers.__version__,
                weights="random",
            ),
            file,
            indent=1,
        )


if __name__ == "__main__":
    if sys.argv[1] == "--fixtures":
        fixtures(sys.argv[2])
        sys.exit()
    out, *chosen = sys.argv[1:]
    for name in chosen or FORMS:
        for dtype_name in ("f32", "bf16"):
            make(f"{out}/{name}-{dtype_name}", name, dtype_name)
            print(name, dtype_name)
