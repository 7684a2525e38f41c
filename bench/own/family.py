"""A family of one of the kinds below: merging it, scoring it, and searching factors for it.

Scores are shares in percent with standard errors. What a merged model is worth is, for each domain, the share of the
gain over the base that it keeps: (score - base) / (own - base).
"""

import importlib
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

LEAST = 0.01
# Attention and MLP by thirds of the depth, embedding, head, norms.
GROUPS = 9
# Kinds of families, and what has their data and scores them.
KINDS = {"encoders": "train_encoders", "decoders": "train_decoders", "real-model": "real_model"}


def family_module(kind):
    return importlib.import_module(KINDS[kind])


class Family:
    """Merges and scores, and knows what base and models score by themselves."""

    def __init__(self, sluice, path, kind, names, work=None):
        self.sluice = os.path.abspath(sluice)
        self.path = os.path.abspath(path)
        self.names = names
        self.domains = {name: name.split("-")[-1] for name in names}
        self.work = work or tempfile.mkdtemp(prefix="own-tables-")
        os.makedirs(self.work, exist_ok=True)
        self.scores = family_module(kind).scorer(self.path)
        self.count = 0
        domains = list(self.domains.values())
        self.alone = {}
        for part in ("validation", "test"):
            for name in ["base"] + names:
                self.alone[part, name] = self.scores(os.path.join(self.path, name), part, domains)
                self.tell(f"{part} {name}", self.alone[part, name])

    def tell(self, title, scores):
        cells = " ".join(f"{domain} {share:.1f}" for domain, (share, _) in scores.items())
        print(f"{title}: {cells}", file=sys.stderr, flush=True)

    def merge(self, names, flags, weights=None):
        """Merges, with weights by group of modules if there are some, and returns the path."""
        out = os.path.join(self.work, "out")
        shutil.rmtree(out, ignore_errors=True)
        words = [self.sluice, "merge" if weights is None else "run"]
        if weights is None:
            words += ["--base", os.path.join(self.path, "base")]
            for name in names:
                words += ["--model", f"{name}={os.path.join(self.path, name)}"]
        else:
            path = os.path.join(self.work, "recipe.yaml")
            with open(path, "w") as file:
                json.dump(self.recipe(names, flags, weights), file)
            words, flags = words + [path], []
        done = subprocess.run(words + flags + ["--out", out], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words + flags)}: {done.stderr}")
        return out

    def recipe(self, names, flags, weights):
        """What the flags say, as a recipe, which alone has weights by group."""
        parameters = {flag[2:]: text for flag, text in zip(flags[0::2], flags[1::2])}
        for key, text in parameters.items():
            if re.fullmatch(r"[0-9.]+", text):
                parameters[key] = float(text) if "." in text else int(text)
        prune = parameters.pop("prune")
        if prune in ("none", "dppa"):
            merge = parameters.pop("merge")
        return {
            "merge_method": prune if prune == "dppa" else f"sluice-{merge if prune == 'none' else prune}",
            "base_model": os.path.join(self.path, "base"),
            "models": [
                {
                    "model": os.path.join(self.path, name), "name": name,
                    "parameters": {"weight": weights[name]},
                }
                for name in names
            ],
            "parameters": parameters,
        }

    def shares_of(self, scores, part, names):
        found = []
        for name in names:
            domain = self.domains[name]
            base = self.alone[part, "base"][domain][0]
            gain = self.alone[part, name][domain][0] - base
            share, error = scores[domain]
            found.append(((share - base) / gain, error / gain))
        return found

    def shares(self, names, part, path):
        """Of each domain the share of the gain that is kept, and its standard error."""
        scores = self.scores(path, part, [self.domains[name] for name in names])
        self.count += 1
        self.tell(part, scores)
        return self.shares_of(scores, part, names)

    def weights(self, names, factors):
        """Weights of a recipe from factors, GROUPS for each model, those of the first model first."""
        found = {}
        for index, name in enumerate(names):
            own = [round(factor, 4) for factor in factors[index * GROUPS : (index + 1) * GROUPS]]
            found[name] = {
                "groups": {
                    "attention": own[0:3], "mlp": own[3:6], "embedding": own[6], "head": own[7], "norms": own[8],
                }
            }
        return found


def value(shares):
    """What searches make large: the geometric mean of the shares."""
    return statistics.geometric_mean([max(share, LEAST) for share, _ in shares])


def cell(shares, evaluations=0):
    """The mean, in brackets the least and the geometric mean, the standard error of the mean, and evaluations."""
    mean = statistics.mean(share for share, _ in shares)
    error = math.sqrt(sum(error**2 for _, error in shares)) / len(shares)
    least = min(share for share, _ in shares)
    text = f"{100 * mean:.1f} ({100 * least:.1f}; {100 * value(shares):.1f}) ± {100 * error:.1f}"
    return text + (f", {evaluations}" if evaluations else "")


def search(score, start, step, limit, seed):
    """The best factors from a start, and what they score: one after the other, in an order that is drawn, is multiplied
    and divided by a step, which shrinks where nothing helps."""
    factors, spent = list(start), 1
    found = score(factors)
    draw = random.Random(seed)
    while spent < limit and step > 1.02:
        improved = False
        for index in draw.sample(range(len(factors)), len(factors)):
            for move in (step, 1 / step):
                if spent >= limit:
                    break
                trial = factors[:index] + [factors[index] * move] + factors[index + 1 :]
                now, spent = score(trial), spent + 1
                if now > found:
                    factors, found, improved = trial, now, True
                    break
        if not improved:
            step = math.sqrt(step)
    return factors, found, spent
