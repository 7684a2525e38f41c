"""Examples for the other scripts: lines of a text file, or lists of token ids in a JSON file."""

import json

import torch


def load(path, model_path, length):
    """Yields tensors of token ids of shape (1, up to length)."""
    if path.endswith(".json"):
        with open(path) as file:
            lists = json.load(file)
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model_path)
        with open(path) as file:
            lists = [tokenizer(line)["input_ids"] for line in file if line.strip()]
    for ids in lists:
        if len(ids) > 1:
            yield torch.tensor([ids[:length]])
