"""Opens a merged checkpoint with the safetensors library, loads it with transformers and compares its answers.

Prints, for the base model, the fine-tunes and the merged models, how many held-out lines of each task are
answered exactly. Fails when a checkpoint is not what the libraries expect.
"""

import argparse
import json
import os
import sys

import tasks


def inspect(directory, base):
    """Reads every tensor with `safe_open`; returns a list of what is wrong."""
    import torch
    from safetensors import safe_open

    def tensors(folder):
        found = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".safetensors"):
                with safe_open(os.path.join(folder, name), framework="pt") as file:
                    if (file.metadata() or {}).get("format") != "pt":
                        problems.append(f"{name}: metadata has no format 'pt'")
                    for key in file.keys():
                        if key in found:
                            problems.append(f"{key}: in {found[key][0]} and in {name}")
                        found[key] = (name, file.get_tensor(key))
        return found

    problems = []
    merged, expected = tensors(directory), tensors(base)
    for key in sorted(merged.keys() ^ expected.keys()):
        problems.append(f"{key}: only in {'the merged model' if key in merged else 'the base model'}")
    for key in sorted(merged.keys() & expected.keys()):
        value, other = merged[key][1], expected[key][1]
        if (value.shape, value.dtype) != (other.shape, other.dtype):
            problems.append(f"{key}: {value.dtype} {tuple(value.shape)}, base {other.dtype} {tuple(other.shape)}")
        elif not torch.isfinite(value.float()).all():
            problems.append(f"{key}: NaN or infinity")
    index = os.path.join(directory, "model.safetensors.index.json")
    files = {name for name, _ in merged.values()}
    if os.path.exists(index):
        with open(index) as file:
            content = json.load(file)
        if content["weight_map"] != {key: name for key, (name, _) in merged.items()}:
            problems.append("the index names other places than the files")
        size = sum(value.nbytes for _, value in merged.values())
        if content["metadata"]["total_size"] != size:
            problems.append(f"the index says total_size {content['metadata']['total_size']}, found {size}")
    elif files != {"model.safetensors"}:
        problems.append("no model.safetensors.index.json for several files")
    return problems


def answers(model, prompts):
    """Greedy answers; prompts of one length go through the model together."""
    import torch

    texts = {}
    for length in sorted({len(p) for p in prompts}):
        group = [p for p in prompts if len(p) == length]
        rows = torch.tensor([tasks.encode_prompt(p) for p in group])
        with torch.no_grad():
            out = model.generate(
                rows,
                attention_mask=torch.ones_like(rows),
                max_new_tokens=8,
                do_sample=False,
                pad_token_id=tasks.PAD,
                eos_token_id=tasks.END,
            )
        for prompt, row in zip(group, out[:, rows.shape[1] :].tolist()):
            end = row.index(tasks.END) if tasks.END in row else len(row)
            texts[prompt] = tasks.decode(row[:end])
    return texts


def evaluate(directory, lines):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    scores, samples = {}, {}
    for name, pairs in lines.items():
        prompt = pairs[0][0]
        if tokenizer(prompt, add_special_tokens=False).input_ids != list(prompt.encode()):
            sys.exit(f"error: {directory}: the tokenizer is not the one of the base model")
        found = answers(model, [p for p, _ in pairs])
        scores[name] = sum(found[p] == a for p, a in pairs) / len(pairs)
        samples[name] = (prompt, found[prompt], pairs[0][1])
    return scores, samples


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", required=True, help="what make_family.py wrote")
    parser.add_argument("--merged", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--lines", type=int, default=300, help="held-out lines per task")
    parser.add_argument("--json", help="also write the scores here")
    options = parser.parse_args()
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    base = os.path.join(options.family, "base")
    models = [(name, os.path.join(options.family, name)) for name in ["base", *tasks.TASKS]]
    for text in options.merged:
        name, _, directory = text.partition("=")
        if not directory:
            parser.error(f"--merged {text}: write NAME=DIR")
        models.append((name, directory))

    lines = {name: tasks.test_lines(name, options.lines) for name in tasks.TASKS}
    width = max(len(name) for name, _ in models) + 2
    print("model".ljust(width) + "".join(name.rjust(14) for name in lines) + "          mean")
    results, broken = {}, False
    for name, directory in models:
        problems = inspect(directory, base)
        broken = broken or bool(problems)
        for problem in problems:
            print(f"error: {directory}: {problem}", file=sys.stderr)
        scores, samples = evaluate(directory, lines)
        results[name] = scores
        row = [*scores.values(), sum(scores.values()) / len(scores)]
        print(name.ljust(width) + "".join(f"{100 * s:13.1f}%" for s in row), flush=True)
    print(f"exact match on {options.lines} held-out lines per task; the last model answers")
    for prompt, answer, wanted in samples.values():
        print(f"  {prompt}{answer}   (right: {wanted})")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"lines": options.lines, "scores": results}, file, indent=2)
            file.write("\n")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
