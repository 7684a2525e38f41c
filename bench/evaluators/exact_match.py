"""An evaluator for `sluice search`: exact matches of a model's answers, with transformers.

    sluice search recipe.yaml --out found \\
      --evaluator 'python3 bench/evaluators/exact_match.py {model} --task gsm8k=gsm8k.jsonl --task math=math.jsonl'

Each file holds one JSON object a line with `prompt` and `answer` (other names with --prompt-key and
--answer-key). A model answers greedily, up to the end-of-sequence token or one of the --stop texts; the
share of answers that equal the expected one, without white space around it, is the score. Prints
`{"tasks": {"gsm8k": 0.57, "math": 0.12}}`.
"""

import argparse
import json
import re
import sys


def read_lines(path, options):
    """The prompts and answers of a file, at most --limit of them."""
    pairs = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                pairs.append((record[options.prompt_key], str(record[options.answer_key])))
            except (ValueError, KeyError, TypeError) as problem:
                sys.exit(f"error: {path}:{number}: {type(problem).__name__}: {problem}")
            if options.limit and len(pairs) == options.limit:
                break
    if not pairs:
        sys.exit(f"error: {path}: no line with {options.prompt_key} and {options.answer_key}")
    return pairs


def shorten(text, stops):
    """What stands before the first stop text."""
    ends = [position for position in (text.find(stop) for stop in stops) if position >= 0]
    return text[: min(ends)] if ends else text


def extract(text, pattern):
    """The last match of a pattern, its first group if it has one; the whole text without a pattern."""
    if pattern is None:
        return text.strip()
    found = None
    for found in pattern.finditer(text):
        pass
    if found is None:
        return ""
    return (found.group(1) if pattern.groups else found.group(0)).strip()


def answers(model, tokenizer, prompts, options, torch):
    """Greedy answers, in the order of the prompts."""
    # Prompts of similar length go together, so that little is padded.
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    texts = [None] * len(prompts)
    for start in range(0, len(order), options.batch):
        rows = order[start : start + options.batch]
        batch = tokenizer(
            [prompts[i] for i in rows],
            return_tensors="pt",
            padding=True,
            add_special_tokens=not options.no_special_tokens,
        ).to(model.device)
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            out = model.generate(
                **batch,
                max_new_tokens=options.max_new_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        for row, tokens in zip(rows, out[:, batch["input_ids"].shape[1] :]):
            text = tokenizer.decode(tokens, skip_special_tokens=True)
            texts[row] = shorten(text, options.stop)
    return texts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a checkpoint's directory")
    parser.add_argument(
        "--task", action="append", required=True, metavar="NAME=FILE", help="a task and its JSONL file"
    )
    parser.add_argument("--prompt-key", default="prompt")
    parser.add_argument("--answer-key", default="answer")
    parser.add_argument("--limit", type=int, help="use the first lines of each file only")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--stop", action="append", default=[], help="a text that ends an answer")
    parser.add_argument("--pattern", help="compare what this regular expression finds last in an answer")
    parser.add_argument("--device", default=None, help="cuda if there is one, else cpu")
    parser.add_argument("--dtype", default=None, help="float32, bfloat16, ...; the checkpoint's own")
    parser.add_argument(
        "--no-special-tokens", action="store_true", help="the prompts hold their special tokens"
    )
    options = parser.parse_args()
    tasks = {}
    for text in options.task:
        name, separator, path = text.partition("=")
        if not separator:
            parser.error(f"--task {text}: write NAME=FILE")
        tasks[name] = read_lines(path, options)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, options.dtype) if options.dtype else "auto"
    tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).to(device).eval()
    pattern = re.compile(options.pattern) if options.pattern else None
    scores = {}
    for name, pairs in tasks.items():
        found = answers(model, tokenizer, [prompt for prompt, _ in pairs], options, torch)
        right = sum(extract(f, pattern) == a.strip() for f, (_, a) in zip(found, pairs))
        scores[name] = right / len(pairs)
        print(f"{name}: {right} of {len(pairs)}", file=sys.stderr)
    print(json.dumps({"tasks": scores}))


if __name__ == "__main__":
    main()
