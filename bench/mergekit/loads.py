"""Stacks and merges layers of tiny models of several architectures, and loads the results in transformers.

    python loads.py SLUICE

Needs transformers and torch. For each architecture two models of four layers are saved; a stack of six layers and a merge of
slices are made of them, loaded, and asked for eight tokens. What is checked: no weight is missing or unexpected, the config has six
layers and a type for each where it has types, and the stack computes what a model computes whose layers were put together by hand.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM
except ImportError as error:
    print(f"loads: skipped, since a module is missing: {error.name}")
    sys.exit(0)

SMALL = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
             vocab_size=96, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
MORE = {
    "llama": {}, "mistral": {}, "qwen2": {}, "qwen3": dict(head_dim=8), "gemma": dict(head_dim=8),
    "gemma2": dict(head_dim=8), "mixtral": dict(num_local_experts=2), "phi3": {}, "smollm3": {},
}
# Which model, and which of its layers, stand in the stack.
STACK = [("a", 0), ("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3)]
RECIPES = {
    "stack": """
merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 3]}]
  - sources: [{model: b, layer_range: [1, 4]}]
""",
    "merge": """
merge_method: slerp
base_model: a
slices:
  - sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 4]}]
  - sources: [{model: a, layer_range: [1, 3]}, {model: b, layer_range: [2, 4]}]
parameters: {t: [0.2, 0.8]}
dtype: float32
""",
}


def save(kind, name, seed):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **SMALL, **MORE[kind])
    model = AutoModelForCausalLM.from_config(config).float()
    model.save_pretrained(name)
    return model


def by_hand(models):
    """The stack as transformers would hold it: the first model, with the layers of both."""
    source = models["a"]
    layers = [models[name].model.layers[number] for name, number in STACK]
    state = {name: value for name, value in source.state_dict().items() if ".layers." not in name}
    last = models["b"].state_dict()
    state["model.norm.weight"] = last["model.norm.weight"]
    if not source.config.tie_word_embeddings:
        state["lm_head.weight"] = last["lm_head.weight"]
    for number, layer in enumerate(layers):
        for name, value in layer.state_dict().items():
            state[f"model.layers.{number}.{name}"] = value
    return state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    sluice = os.path.realpath(parser.parse_args().sluice)
    transformers.logging.set_verbosity_error()
    print(f"transformers {transformers.__version__}")
    failed = 0
    for kind in MORE:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                models = {"a": save(kind, "a", 1), "b": save(kind, "b", 2)}
            except Exception as error:
                print(f"{kind:9} not made by this version of transformers: {error}")
                continue
            for label, text in RECIPES.items():
                with open("recipe.yaml", "w") as file:
                    file.write(text)
                done = subprocess.run([sluice, "run", "recipe.yaml", "--out", label, "--quiet"], capture_output=True, text=True)
                if done.returncode:
                    print(f"{kind:9} {label}: {done.stderr.strip().splitlines()[:2]}")
                    failed += 1
                    continue
                with open(f"{label}/config.json") as file:
                    config = json.load(file)
                problems = []
                if config["num_hidden_layers"] != 6 or len(config.get("layer_types") or [0] * 6) != 6:
                    problems.append("numbers of layers in the config")
                loaded, info = AutoModelForCausalLM.from_pretrained(label, output_loading_info=True, dtype=torch.float32)
                problems += [f"{key}: {sorted(info[key])[:2]}" for key in ["missing_keys", "unexpected_keys", "mismatched_keys"] if info[key]]
                if label == "stack":
                    state = loaded.state_dict()
                    expected = by_hand(models)
                    problems += [f"other values in {name}" for name, value in expected.items()
                                 if name not in state or not torch.equal(state[name], value.float())][:2]
                out = loaded.generate(torch.tensor([[1, 5, 9]]), max_new_tokens=8, min_new_tokens=8, do_sample=False)
                if out.shape[1] != 11:
                    problems.append("no eight tokens")
                failed += bool(problems)
                print(f"{kind:9} {label}: {'; '.join(problems) or 'loads and generates'}", flush=True)
            os.chdir("/")
    sys.exit(failed > 0)


main()
