"""Makes what tests of `sluice evaluate` compare with: tiny models of each family, computed by transformers.

    python bench/decoders/make_fixtures.py Tests/Fixtures/decoders

Weights come from their names (see `weights`), so that a fixture holds a config, shapes, tokens, and what
transformers makes of them in F32: the logarithm of the probability of each answered token, whether it is
the most probable one, and the logits of the last.
"""

import argparse
import json
import os

import numpy as np
import torch
import transformers

LENGTHS = [(9, 4), (2, 1), (71, 30), (150, 40)]
SMALL = dict(
    vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=1024, rms_norm_eps=1e-5, bos_token_id=1,
    eos_token_id=2, pad_token_id=0,
)
LLAMA3 = dict(
    rope_type="llama3", rope_theta=5e5, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=64,
)

FAMILIES = {
    "llama2": ("Llama", dict(rope_theta=1e4)),
    "llama3": ("Llama", dict(rope_parameters=LLAMA3, tie_word_embeddings=True, vocab_size=1030)),
    "llama-linear": (
        "Llama",
        dict(rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=1e4), attention_bias=True,
             mlp_bias=True),
    ),
    "mistral": ("Mistral", dict(sliding_window=24, head_dim=16)),
    "qwen2": ("Qwen2", dict(use_sliding_window=True, sliding_window=40, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(head_dim=16)),
    "gemma2": (
        "Gemma2",
        dict(sliding_window=24, head_dim=16, query_pre_attn_scalar=20, attn_logit_softcapping=2.0,
             final_logit_softcapping=3.0, tie_word_embeddings=True),
    ),
    "phi3": (
        "Phi3",
        dict(rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=0.5),
             sliding_window=100),
    ),
}


def draws(name, count):
    """Repeatable integers of 0 ... 127: FNV-1a of the name, then splitmix64."""
    state = 14695981039346656037
    for byte in name.encode():
        state = (state ^ byte) * 1099511628211 % 2**64
    with np.errstate(over="ignore"):
        x = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(57)).astype(np.float64)


def weights(name, shape, gains_from_one):
    """Numbers that BF16 holds exactly: gains around 1, anything else around 0."""
    values = (draws(name, int(np.prod(shape))) - 64) / 128
    if "norm" in name:
        values = values + (0 if gains_from_one else 1)
    elif "embed" in name:
        values = values * 4
    return torch.tensor(values.reshape(shape) / (1 if "norm" in name or "embed" in name else 2), dtype=torch.float32)


def sequence(name, index, length, vocabulary):
    ids = draws(f"{name} {index} a", length) * 128 + draws(f"{name} {index} b", length)
    return [int(i) % vocabulary for i in ids]


def old_form(config):
    """The config as it was written before `rope_parameters`."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    return config


def fixture(name, family, changes):
    kind = getattr(transformers, f"{family}Config")
    config = kind(**{**SMALL, **changes})
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tied = config.tie_word_embeddings
    shapes = {}
    with torch.no_grad():
        for tensor, value in sorted(model.state_dict().items()):
            if tied and tensor == "lm_head.weight":
                continue
            shapes[tensor] = list(value.shape)
            value.copy_(weights(tensor, value.shape, family == "Gemma2"))
    lengths = LENGTHS + ([(600, 500)] if name == "llama3" else [])
    sequences = []
    for index, (length, start) in enumerate(lengths):
        tokens = sequence(name, index, length, config.vocab_size)
        with torch.no_grad():
            # The end of one sequence is what greedy decoding says.
            for position in range(length - 20, length) if index == 2 else []:
                tokens[position] = int(model(torch.tensor([tokens[:position]])).logits[0, -1].argmax())
            logits = model(torch.tensor([tokens])).logits[0]
        likely = torch.log_softmax(logits.double(), -1)
        answers = range(start, length)
        sequences.append({
            "tokens": tokens,
            "answerStart": start,
            "logProbabilities": [float(likely[p - 1, tokens[p]]) for p in answers],
            "greedy": [int(logits[p - 1].argmax()) == tokens[p] for p in answers],
            "lastLogits": [float(x) for x in logits[length - 2]] if index == 0 else [],
        })
    plain = json.loads(config.to_json_string())
    if name in ("llama2", "llama-linear"):
        plain = old_form(plain)
    return {"config": plain, "tensors": shapes, "sequences": sequences}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(options.directory, exist_ok=True)
    for name, (family, changes) in FAMILIES.items():
        with open(os.path.join(options.directory, f"{name}.json"), "w") as file:
            json.dump(fixture(name, family, changes), file, separators=(",", ":"))
            file.write("\n")
    print(f"{len(FAMILIES)} fixtures, transformers {transformers.__version__}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
