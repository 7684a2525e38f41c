"""Text, tasks and the byte-level tokenizer that the two scripts share.

Every task line is `prompt=answer`, one byte per token, between a begin and an end token. A line belongs to
the held-out part when a hash of its prompt says so; training never sees those, evaluation uses only those.
"""

import random
import zlib

PAD, BEGIN, END = 256, 257, 258
VOCABULARY = 259
LINE = 24  # tokens; longer than any line

SUBJECTS = ["the cat", "a dog", "my hen", "the fox", "an owl", "one cow"]
VERBS = ["sees", "likes", "hears", "meets"]
PLACES = ["here", "there", "now", "again"]
LETTERS = "abcdefgh"


def held_out(prompt):
    return zlib.crc32(prompt.encode()) % 5 == 0


def arithmetic(rng):
    a, b = rng.randrange(50), rng.randrange(50)
    return f"{a}+{b}=", str(a + b)


def reversal(rng):
    word = "".join(rng.choice(LETTERS) for _ in range(rng.randrange(2, 6)))
    return f"rev {word}=", word[::-1]


TASKS = {"arithmetic": arithmetic, "reversal": reversal}


def sentence(rng):
    """A sentence of a small grammar, as the ordinary text of the base model."""
    return "", f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} it {rng.choice(PLACES)}"


def training_line(rng, task):
    while True:
        prompt, answer = task(rng)
        if not prompt or not held_out(prompt):
            return prompt, answer


def test_lines(name, count, seed=1):
    """The same `count` different held-out lines of a task for everyone who asks."""
    rng = random.Random(f"test {name} {seed}")
    lines = {}
    while len(lines) < count:
        prompt, answer = TASKS[name](rng)
        if held_out(prompt):
            lines[prompt] = answer
    return list(lines.items())


def encode_prompt(prompt):
    return [BEGIN] + list(prompt.encode())


def decode(tokens):
    return bytes(t for t in tokens if t < 256).decode("utf-8", "replace")


def save_tokenizer(directory):
    """Writes a tokenizer for `AutoTokenizer` that maps every byte to the token of its value."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    # The byte-level alphabet writes bytes that are no printable character as characters from 256 up.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_ins = iter(range(256, 512))
    letters = {b: chr(b if b in printable else next(stand_ins)) for b in range(256)}
    vocabulary = {letter: byte for byte, letter in letters.items()}
    vocabulary.update({"<pad>": PAD, "<begin>": BEGIN, "<end>": END})
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<begin>", eos_token="<end>"
    ).save_pretrained(directory)
