"""Merges models with tokenizers of their own, in mergekit and in sluice, and compares rows token by token.

    python tokens.py SLUICE [--keep DIR] [--only WORD]

Needs mergekit 0.1.5, torch, transformers and tokenizers (bench/mergekit/install). Three models of Llama's shape have the same
words in other orders, and added tokens that not all have. The order of tokens that a union appends is not the same from run to
run in mergekit; so rows are compared under the names of their tokens, and padding rows by their number. Then the logits of texts
of common tokens are compared with those of a merge whose models were given the same tokens in the same order beforehand.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

try:
    import torch
    import yaml
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    import transformers
except ImportError as error:
    print(f"tokens: skipped, since a module is missing: {error.name}")
    sys.exit(0)

from compare import UNITS, load

WORDS = [f"w{i}" for i in range(40)]
ADDED = {"base": ["<pad>"], "a": ["<pad>", "<a1>", "<a2>"], "b": ["<b1>", "<pad>", "<a2>"]}
ORDERS = {"base": WORDS, "a": WORDS, "b": WORDS[20:] + WORDS[:20]}
VOCABULARY_ROWS = {"base": 0, "a": 5, "b": 0}


def save(name, seed, order=None, added=None, tied=False):
    words = order or ORDERS[name]
    tokenizer = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    for token in ADDED[name] if added is None else added:
        fast.add_tokens(AddedToken(token, special=True, normalized=False))
    fast.save_pretrained(name)
    rows = len(fast) + VOCABULARY_ROWS.get(name, 0)
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=rows, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=tied)
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(name)
    return model


def recipes():
    two = "models:\n  - {model: a, parameters: {weight: 0.6}}\n  - {model: b, parameters: {weight: 0.4}}\n"
    three = two + "  - {model: base, parameters: {weight: 0.3}}\n"
    base = "base_model: base\n"
    bf16 = "dtype: bfloat16\n"
    yield "union, linear, three", "merge_method: linear\n" + three + base + "tokenizer_source: union\n" + bf16
    yield "union, linear, F32", "merge_method: linear\n" + three + base + "tokenizer_source: union\ndtype: float32\n"
    yield "union, linear, no type", "merge_method: linear\n" + three + base + "tokenizer_source: union\n"
    yield "base, linear", "merge_method: linear\n" + three + base + "tokenizer_source: base\n" + bf16
    yield "a model, linear", "merge_method: linear\n" + three + base + "tokenizer_source: b\n" + bf16
    yield "a model as a block", "merge_method: linear\n" + three + base + "tokenizer: {source: {model: {path: b}}}\n" + bf16
    yield "union, task_arithmetic", "merge_method: task_arithmetic\n" + two + base + "tokenizer_source: union\n" + bf16
    yield "union, ties", "merge_method: ties\n" + two + base + "tokenizer_source: union\n" + bf16
    yield "union, slerp", "merge_method: slerp\nmodels: [{model: a}, {model: base}]\nparameters: {t: 0.4}\n" + base + "tokenizer_source: union\n" + bf16
    yield "union, empty block", "merge_method: linear\n" + three + base + "tokenizer: {}\n" + bf16
    yield "union, filled up to 16", "merge_method: linear\n" + three + base + "tokenizer: {source: union, pad_to_multiple_of: 16}\n" + bf16
    yield "base, filled up to 64, F32", "merge_method: linear\n" + three + base + "tokenizer: {source: base, pad_to_multiple_of: 64}\ndtype: float32\n"
    yield "tokens from models", "merge_method: linear\n" + three + base + """tokenizer:
  source: union
  tokens:
    <a1>: {source: a}
    <a2>: {source: {kind: model_token, model: b, token: <b1>}}
    w3: {source: b, force: true}
    <new>: {source: {kind: zero}}
    <other>: {source: {kind: model_token, model: a, token_id: 7}, force: true}
""" + bf16
    yield "tokens with a union", "merge_method: ties\n" + two + base + """tokenizer:
  source: union
  pad_to_multiple_of: 8
  tokens:
    <b1>: {source: b, force: true}
    <new>: {source: {kind: model_token, model: base, token: w0}}
""" + bf16
    yield "union, passthrough", "merge_method: passthrough\nmodels: [{model: b}]\ntokenizer_source: union\n" + bf16
    yield "other tokens, passthrough", "merge_method: passthrough\nmodels: [{model: b}]\ntokenizer_source: a\n" + bf16
    yield "slices, union", "merge_method: linear\nslices:\n  - sources: [{model: a, layer_range: [0, 1], parameters: {weight: 0.6}}, {model: base, layer_range: [0, 1], parameters: {weight: 0.4}}]\n  - sources: [{model: b, layer_range: [0, 2], parameters: {weight: 0.7}}, {model: base, layer_range: [0, 2], parameters: {weight: 0.2}}]\n" + base + "tokenizer_source: union\n" + bf16
    yield "slices, base", "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 2]}]\n  - sources: [{model: b, layer_range: [1, 2]}]\n" + base + "tokenizer_source: base\n" + bf16


def vocabulary(folder):
    return AutoTokenizer.from_pretrained(folder).get_vocab()


def verdict(mine, theirs):
    """Names, tokens, rows and config of both."""
    if set(mine["tensors"]) != set(theirs["tensors"]):
        return "other tensors"
    if set(mine["vocabulary"]) != set(theirs["vocabulary"]):
        return f"other tokens: {sorted(set(mine['vocabulary']) ^ set(theirs['vocabulary']))[:4]}"
    if mine["rows"] != theirs["rows"]:
        return f"vocab_size {mine['rows']}, {theirs['rows']}"
    worst, unequal = 0.0, 0
    for name, expected in theirs["tensors"].items():
        found = mine["tensors"][name]
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return f"{name}: {tuple(found.shape)} {found.dtype}, {tuple(expected.shape)} {expected.dtype}"
        if "embed_tokens" in name or "lm_head" in name:
            tokens = sorted(theirs["vocabulary"])
            fill = list(range(len(tokens), expected.shape[0]))
            found = found[[mine["vocabulary"][t] for t in tokens] + fill]
            expected = expected[[theirs["vocabulary"][t] for t in tokens] + fill]
        differs = found != expected
        if bool(differs.any()):
            unequal += int(differs.sum())
            size = torch.maximum(found.double().abs(), expected.double().abs()).clamp(min=2.0**-20)
            unit = 2.0 ** torch.floor(torch.log2(size)) * UNITS[expected.dtype]
            worst = max(worst, float(((found.double() - expected.double()).abs() / unit).max()))
    return f"{unequal} elements within {worst:.2f} units" if unequal else "bit-equal"


def result(folder):
    with open(f"{folder}/config.json") as file:
        rows = json.load(file)["vocab_size"]
    return {"tensors": load(folder), "vocabulary": vocabulary(folder), "rows": rows}


def logits(sluice):
    """A union merge against a merge of models that had all tokens, in one order, from the beginning."""
    tokens = WORDS + ["<pad>", "<a1>", "<a2>", "<b1>"]
    for name in ["base", "a", "b"]:
        state = load(name)
        own = vocabulary(name)
        os.makedirs(f"same-{name}", exist_ok=True)
        model = save(f"same-{name}", 0, order=WORDS, added=tokens[40:])
        aligned = model.state_dict()
        for key, value in state.items():
            if "embed_tokens" in key or "lm_head" in key:
                # Rows of tokens that the model lacks are never looked at.
                value = torch.stack([value[own[t]] if t in own else torch.zeros(value.shape[1], dtype=value.dtype) for t in tokens])
            aligned[key] = value
        model.load_state_dict(aligned)
        model.save_pretrained(f"same-{name}")
    outs = []
    for prefix, more in [("", "tokenizer_source: union\n"), ("same-", "")]:
        weights = {"base": 0.3, "a": 0.6, "b": 0.4}
        listed = [{"model": prefix + name, "parameters": {"weight": weight}} for name, weight in weights.items()]
        body = yaml.safe_dump({"merge_method": "linear", "models": listed, "dtype": "float32"}) + more
        with open("recipe.yaml", "w") as file:
            file.write(body)
        out = f"logits-{prefix}out"
        subprocess.run([sluice, "run", "recipe.yaml", "--out", out, "--quiet"], check=True)
        tokenizer = AutoTokenizer.from_pretrained(out)
        ids = [tokenizer.get_vocab()[w] for w in ["w3", "w39", "w0", "<pad>", "w21", "w21", "w8"]]
        model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
        with torch.no_grad():
            scores = model(torch.tensor([ids])).logits[0]
        common = WORDS + ["<pad>"]
        outs.append(scores[:, [tokenizer.get_vocab()[w] for w in common]])
    return float((outs[0] - outs[1]).abs().max())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--keep")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    sluice = os.path.realpath(options.sluice)
    root = options.keep or tempfile.mkdtemp()
    os.makedirs(root, exist_ok=True)
    os.chdir(root)
    for seed, name in enumerate(["base", "a", "b"]):
        save(name, seed)
    bad = 0
    for number, (label, text) in enumerate(recipes()):
        if options.only not in label:
            continue
        with open("recipe.yaml", "w") as file:
            file.write(text)
        outs = [f"out-{kind}-{number}" for kind in ["mergekit", "sluice"]]
        done = subprocess.run([sluice, "run", "recipe.yaml", "--out", outs[1], "--quiet"], capture_output=True, text=True)
        failed = None
        try:
            run_merge(MergeConfiguration.model_validate(yaml.safe_load(text)), outs[0],
                      MergeOptions(cuda=False, random_seed=1, quiet=True, write_model_card=False))
        except Exception as error:
            failed = f"{type(error).__name__}: {str(error)[:100]}"
        if done.returncode or failed:
            verdict_text = f"mergekit: {failed or 'runs'}; sluice: {done.stderr.strip().splitlines()[:1] if done.returncode else 'runs'}"
        else:
            verdict_text = verdict(result(outs[1]), result(outs[0]))
        bad += verdict_text != "bit-equal"
        print(f"{label}: {verdict_text}", flush=True)
    if not options.only:
        distance = logits(sluice)
        print(f"logits of common tokens differ by at most {distance:g} from those of the aligned merge")
        bad += distance > 1e-5
    print(f"{bad} are not bit-equal")


main()
