"""Measures `sluice evaluate` on models that are made for it, and prints a table.

    python measure.py large --work DIR [--tiny]        a model of 13 B, 26 GB on disk, in a memory group of 1 GiB
    python measure.py candidates --family DIR --work DIR [--count 8]
                                                       recipes of one base and its stores, together and alone
    python measure.py scratch --model DIR --work DIR   activations ten times the budget, against all in memory

`--family` has a directory base and others that are fine-tunes of it, such as `bench generate` writes. Needs root, or a
group of one's own, for memory groups, and numpy for `large`. What is made is removed at the end.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {
    "13b": dict(hidden_size=5120, intermediate_size=13824, num_hidden_layers=40, num_attention_heads=40, vocab_size=32000),
    "tiny": dict(hidden_size=256, intermediate_size=688, num_hidden_layers=4, num_attention_heads=4, vocab_size=1000),
}


def write_model(path, shape):
    """A Llama with random weights in BF16, a file for each layer, never held whole."""
    import numpy

    config = dict(SHAPES[shape], model_type="llama", architectures=["LlamaForCausalLM"], rms_norm_eps=1e-5)
    config.update(num_key_value_heads=config["num_attention_heads"], max_position_embeddings=4096, torch_dtype="bfloat16")
    config.update(hidden_act="silu", tie_word_embeddings=False)
    os.makedirs(path, exist_ok=True)
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    # Runs of one block from changing places: random enough to be multiplied, and as fast to make as the disk is.
    draws = numpy.random.default_rng(1).standard_normal(1 << 24, dtype=numpy.float32) * 0.02
    block = (draws.view(numpy.uint32) >> 16).astype(numpy.uint16)
    places = random.Random(1)

    def write(name, tensors):
        header, offset = {}, 0
        for tensor, dimensions in tensors:
            count = 2 * int(numpy.prod(dimensions))
            header[tensor] = dict(dtype="BF16", shape=dimensions, data_offsets=[offset, offset + count])
            offset += count
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(os.path.join(path, name), "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for tensor, dimensions in tensors:
                left = int(numpy.prod(dimensions))
                if len(dimensions) == 1:
                    numpy.full(left, 0x3F80, numpy.uint16).tofile(file)
                    continue
                while left:
                    start = places.randrange(len(block) // 2)
                    part = block[start : start + min(left, len(block) // 2)]
                    part.tofile(file)
                    left -= len(part)
        return {tensor: name for tensor, _ in tensors}, offset

    places_of, total = write("model-ends.safetensors", [
        ("model.embed_tokens.weight", [vocabulary, width]), ("model.norm.weight", [width]),
        ("lm_head.weight", [vocabulary, width])])
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        tensors = [(f"{prefix}self_attn.{name}_proj.weight", [width, width]) for name in "qkvo"]
        tensors += [(f"{prefix}mlp.{name}_proj.weight", [inner, width]) for name in ("gate", "up")]
        tensors += [(f"{prefix}mlp.down_proj.weight", [width, inner])]
        tensors += [(f"{prefix}{name}_layernorm.weight", [width]) for name in ("input", "post_attention")]
        names, count = write(f"model-{layer:05}.safetensors", tensors)
        places_of.update(names)
        total += count
    for name, value in (("config.json", config),
                        ("model.safetensors.index.json", dict(metadata=dict(total_size=total), weight_map=places_of))):
        with open(os.path.join(path, name), "w") as file:
            json.dump(value, file)
    return total


def write_tasks(path, examples, tokens, vocabulary):
    rng = random.Random(2)
    with open(path, "w") as file:
        for _ in range(examples):
            ids = [rng.randrange(vocabulary) for _ in range(tokens)]
            file.write(json.dumps({"prompt": ids[:-8], "answer": ids[-8:]}) + "\n")


class Group:
    """A memory group; `run` starts programs in it."""

    def __init__(self, limit):
        one = "/sys/fs/cgroup/memory"
        self.is_one = os.path.isdir(one)
        self.path = os.path.join(one if self.is_one else "/sys/fs/cgroup", f"sluice-measure-{os.getpid()}")
        os.mkdir(self.path)
        self.put("memory.limit_in_bytes" if self.is_one else "memory.max", limit)
        if not self.is_one:
            self.put("memory.swap.max", 0)

    def put(self, name, value):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(str(value))

    def enter(self):
        self.put("cgroup.procs", os.getpid())

    def peak(self):
        with open(os.path.join(self.path, "memory.max_usage_in_bytes" if self.is_one else "memory.peak")) as file:
            return int(file.read())

    def remove(self):
        os.rmdir(self.path)


def evaluate(options, arguments, group=None):
    command = [options.sluice, "evaluate", *arguments, "--scratch", options.work, "--json", "--quiet"]
    lines = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=group.enter if group else None
    ).stdout.splitlines()
    return [json.loads(line) for line in lines]


def forget(*directories):
    """Takes files out of the page cache."""
    for directory in directories:
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def mebibytes(count):
    return f"{count / (1 << 20):.1f} MiB"


def large(options):
    model, tasks = os.path.join(options.work, "large"), os.path.join(options.work, "large.jsonl")
    shape = "tiny" if options.tiny else "13b"
    try:
        total = write_model(model, shape)
        write_tasks(tasks, options.examples, options.tokens, SHAPES[shape]["vocab_size"])
        forget(model)
        group = Group(1 << 30)
        try:
            result = evaluate(options, [model, "--tasks", tasks, "--memory", options.memory], group)[0]
            peak = group.peak()
        finally:
            group.remove()
    finally:
        shutil.rmtree(model, ignore_errors=True)
    own, library = result["operationsPerSecond"] / 1e9, result["libraryOperationsPerSecond"] / 1e9
    row("model", "bytes read", "peak of the process", "peak of the group", "seconds", "GFLOP/s of a lane", "the library alone",
        "share")
    row(*["---"] * 8)
    row(mebibytes(total), mebibytes(result["bytesRead"]), mebibytes(result["peakMemory"]), mebibytes(peak),
        f"{result['seconds']:.1f}", f"{own:.1f}", f"{library:.1f}", f"{100 * own / library:.0f} %")


def candidates(options):
    base = os.path.join(options.family, "base")
    models = sorted(
        name for name in os.listdir(options.family)
        if name != "base" and os.path.exists(os.path.join(options.family, name, "config.json")))
    work = os.path.join(options.work, "candidates")
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(base, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    try:
        stores = {name: os.path.join(work, name) for name in models}
        for name, store in stores.items():
            subprocess.run([options.sluice, "prune", "--base", base, "--model", os.path.join(options.family, name),
                            "--pruning-rate", "0.8", "--out", store, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        tasks = os.path.join(work, "tasks.jsonl")
        write_tasks(tasks, options.examples, options.tokens, vocabulary)
        recipes = []
        for index in range(options.count):
            lines = [f"  - {{model: {store}, name: {name}, parameters: {{amplify: [{1 + index / 10}]}}}}"
                     for name, store in stores.items()]
            recipes.append(os.path.join(work, f"{index}.yaml"))
            with open(recipes[-1], "w") as file:
                file.write(f"merge_method: dppa\nbase_model: {base}\nmodels:\n" + "\n".join(lines)
                           + "\nparameters: {pruning-rate: 0.9}\n")
        row("candidates", "bytes read", "seconds", "seconds for each", "peak of the process")
        row(*["---"] * 5)
        for chosen in (recipes[:1], recipes):
            forget(base, *stores.values())
            result = evaluate(options, [*chosen, "--tasks", tasks, "--memory", options.memory])[0]
            row(len(chosen), mebibytes(result["bytesRead"]), f"{result['seconds']:.1f}",
                f"{result['seconds'] / len(chosen):.1f}", mebibytes(result["peakMemory"]))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def scratch(options):
    tasks = os.path.join(options.work, "scratch.jsonl")
    with open(os.path.join(options.model, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    limit = int(options.memory.removesuffix("MiB")) << 20
    examples = options.examples
    try:
        while True:
            write_tasks(tasks, examples, options.tokens, vocabulary)
            arguments = [options.model, "--tasks", tasks]
            plan = evaluate(options, [*arguments, "--memory", options.memory, "--dry-run"])[0]
            if plan["scratchBytes"] >= 10 * limit:
                break
            examples *= 2
        small = evaluate(options, [*arguments, "--memory", options.memory])[0]
        whole = evaluate(options, [*arguments, "--memory", f"{(plan['scratchBytes'] >> 20) + 512}MiB"])[0]
    finally:
        os.remove(tasks)
    row("memory", "activations", "examples", "seconds", "peak of the process", "loss")
    row(*["---"] * 6)
    for name, result in ((options.memory, small), ("all", whole)):
        loss = next(iter(result["tasks"].values()))["loss"]
        row(name, mebibytes(plan["scratchBytes"]), examples, f"{result['seconds']:.1f}", mebibytes(result["peakMemory"]), loss)
    if small["tasks"] != whole["tasks"]:
        sys.exit("error: the scores differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["large", "candidates", "scratch"])
    parser.add_argument("--sluice", default=os.path.join(HERE, "..", "..", ".build", "release", "sluice"))
    parser.add_argument("--work", required=True)
    parser.add_argument("--family")
    parser.add_argument("--model")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--examples", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    if options.what == "candidates" and not options.family or options.what == "scratch" and not options.model:
        parser.error("candidates needs --family, scratch needs --model")
    {"large": large, "candidates": candidates, "scratch": scratch}[options.what](options)


if __name__ == "__main__":
    main()
