"""Makes task files with token ids, as `sluice evaluate` reads them, from files with texts.

    python3 bench/evaluators/encode.py --model llama --out tasks gsm8k.jsonl arc.jsonl

Each line of a file holds `prompt` and `answer`, or `prompt`, `choices` and `index`, as texts. Files of samples that
lm-eval wrote (`--log_samples`) are understood, too. A prompt is encoded with the special tokens of the tokenizer; an
answer is what the text of both has beyond the prompt's tokens. The first line says what some tokens are, so that a model
with another tokenizer is noticed. Needs `tokenizers`, and no torch.
"""

import argparse
import json
import os
import sys


def samples(record):
    """A line of lm-eval's samples in our form; any other line as it is."""
    if "arguments" not in record or "prompt" in record:
        return record
    arguments = record["arguments"]
    if isinstance(arguments, dict):
        arguments = [list(arguments[key].values()) for key in sorted(arguments, key=lambda k: int(k.split("_")[-1]))]
    if isinstance(arguments[0][1], dict):
        return {"prompt": arguments[0][0], "answer": str(record["target"])}
    if len(arguments) == 1:
        return {"prompt": arguments[0][0], "answer": arguments[0][1]}
    if len({prompt for prompt, _ in arguments}) > 1:
        raise ValueError("the choices have prompts of their own")
    return {
        "prompt": arguments[0][0],
        "choices": [choice for _, choice in arguments],
        "index": int(record["target"]),
    }


def encode(tokenizer, record, end):
    """The record with ids in the place of texts."""
    prompt = tokenizer.encode(record["prompt"]).ids

    def rest(text):
        ids = tokenizer.encode(record["prompt"] + text).ids[len(prompt) :]
        return ids + ([end] if end is not None else [])

    if "choices" not in record:
        return {"prompt": prompt, "answer": rest(record["answer"])}
    return {
        "prompt": prompt,
        "choices": [rest(choice) for choice in record["choices"]],
        "index": record["index"],
        "lengths": [max(len(choice), 1) for choice in record["choices"]],
    }


def read(path, tokenizer, end):
    """All lines of a file, encoded."""
    lines = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                lines.append(encode(tokenizer, samples(json.loads(line)), end))
            except (ValueError, KeyError, TypeError, IndexError) as problem:
                sys.exit(f"error: {path}:{number}: {type(problem).__name__}: {problem}")
    return lines


def names(tokenizer, lines, count=32):
    """Some of the tokens that are used, by their ids."""
    used = sorted({i for line in lines for ids in [line["prompt"]] + line.get("choices", []) for i in ids})
    step = max(1, len(used) // count)
    return {str(i): tokenizer.id_to_token(i) for i in used[::step][:count]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--model", required=True, help="a directory with tokenizer.json, or that file")
    parser.add_argument("--out", required=True, help="the directory of the files with ids")
    parser.add_argument("--end", metavar="TOKEN", help="a token that ends each answer, such as </s>")
    options = parser.parse_args()

    from tokenizers import Tokenizer

    path = options.model
    tokenizer = Tokenizer.from_file(os.path.join(path, "tokenizer.json") if os.path.isdir(path) else path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    end = None
    if options.end is not None:
        end = tokenizer.token_to_id(options.end)
        if end is None:
            sys.exit(f"error: the tokenizer has no token {options.end}")
    os.makedirs(options.out, exist_ok=True)
    for file in options.files:
        lines = read(file, tokenizer, end)
        target = os.path.join(options.out, os.path.basename(file))
        if os.path.exists(target) and os.path.samefile(target, file):
            sys.exit(f"error: {target} would be replaced; give another --out")
        with open(target, "w", encoding="utf-8") as out:
            for record in [{"tokens": names(tokenizer, lines)}] + lines:
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
        print(f"{target}: {len(lines)} examples", file=sys.stderr)


if __name__ == "__main__":
    main()
