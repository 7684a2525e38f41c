"""Tests of what the evaluators do apart from running a model."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import encode  # noqa: E402
import exact_match  # noqa: E402

RESULTS = {
    "results": {
        "gsm8k": {
            "alias": "gsm8k",
            "exact_match,strict-match": 0.25,
            "exact_match_stderr,strict-match": 0.01,
            "exact_match,flexible-extract": 0.5,
        },
        "hellaswag": {"acc,none": 0.6, "acc_stderr,none": 0.004, "acc_norm,none": 0.75},
        "wikitext": {"word_perplexity,none": 12.5},
    },
    "higher_is_better": {
        "gsm8k": {"exact_match": True},
        "hellaswag": {"acc": True, "acc_norm": True},
        "wikitext": {"word_perplexity": False},
    },
}


class Letters:
    """A tokenizer of which every character is a token, after one that begins texts."""

    class Encoding:
        def __init__(self, ids):
            self.ids = ids

    def encode(self, text):
        return self.Encoding([1] + [ord(c) for c in text])

    def id_to_token(self, token):
        return "<s>" if token == 1 else chr(token)


class Encode(unittest.TestCase):
    def test_an_answer_is_what_the_whole_has_beyond_the_prompt(self):
        record = encode.encode(Letters(), {"prompt": "1+1=", "answer": "2"}, 3)
        self.assertEqual(record, {"prompt": [1, 49, 43, 49, 61], "answer": [50, 3]})

    def test_choices_have_the_lengths_of_their_texts(self):
        record = encode.encode(Letters(), {"prompt": "a", "choices": ["b", "cd"], "index": 1}, None)
        self.assertEqual(record["choices"], [[98], [99, 100]])
        self.assertEqual((record["index"], record["lengths"]), (1, [1, 2]))

    def test_samples_of_lm_eval_become_examples(self):
        choice = {"target": "1", "arguments": {"gen_args_1": {"arg_0": "q", "arg_1": " b"}, "gen_args_0": {"arg_0": "q", "arg_1": " a"}}}
        self.assertEqual(encode.samples(choice), {"prompt": "q", "choices": [" a", " b"], "index": 1})
        text = {"target": "4", "arguments": [["q", {"until": ["\n"]}]]}
        self.assertEqual(encode.samples(text), {"prompt": "q", "answer": "4"})
        with self.assertRaises(ValueError):
            encode.samples({"target": 0, "arguments": [["p", "a"], ["q", "b"]]})

    def test_tokens_are_named(self):
        lines = [{"prompt": [1, 97], "answer": [98]}]
        self.assertEqual(encode.names(Letters(), lines), {"1": "<s>", "97": "a"})


class ExactMatch(unittest.TestCase):
    def test_an_answer_ends_at_the_first_stop_text(self):
        self.assertEqual(exact_match.shorten("12\nQ: next", ["Q:", "\n"]), "12")
        self.assertEqual(exact_match.shorten("12", ["\n"]), "12")

    def test_a_pattern_takes_the_last_match(self):
        pattern = re.compile(r"#### (\d+)")
        self.assertEqual(exact_match.extract("#### 3 or rather #### 4", pattern), "4")
        self.assertEqual(exact_match.extract("I do not know", pattern), "")
        self.assertEqual(exact_match.extract(" 7 ", None), "7")


class LMEval(unittest.TestCase):
    def run_script(self, results, *options, command=None):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results_2026.json")
            with open(path, "w") as file:
                json.dump(results, file)
            script = [sys.executable, os.path.join(HERE, "lm_eval_scores.py"), *options]
            end = ["--", *command(path)] if command else [folder]
            return subprocess.run(script + end, capture_output=True, text=True)

    def only(self, *tasks):
        return {**RESULTS, "results": {t: RESULTS["results"][t] for t in tasks}}

    def test_the_usual_metric_of_each_task_is_taken(self):
        done = self.run_script(self.only("gsm8k", "hellaswag"))
        self.assertEqual(json.loads(done.stdout), {"tasks": {"gsm8k": 0.25, "hellaswag": 0.75}})

    def test_metrics_can_be_chosen_with_their_filter(self):
        done = self.run_script(
            self.only("gsm8k", "hellaswag"),
            "--metric", "gsm8k=exact_match,flexible-extract", "--metric", "hellaswag=acc",
        )
        self.assertEqual(json.loads(done.stdout), {"tasks": {"gsm8k": 0.5, "hellaswag": 0.6}})

    def test_a_metric_of_which_lower_is_better_is_refused(self):
        done = self.run_script(RESULTS, "--metric", "wikitext=word_perplexity")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("lower is better", done.stderr)

    def test_groups_stand_for_their_parts(self):
        results = {
            "results": {"mmlu": {"acc,none": 0.4}, "mmlu_law": {"acc,none": 0.3}},
            "groups": {"mmlu": {"acc,none": 0.4}},
            "group_subtasks": {"mmlu": ["mmlu_law"], "mmlu_law": []},
        }
        done = self.run_script(results)
        self.assertEqual(json.loads(done.stdout), {"tasks": {"mmlu": 0.4}})

    def test_a_command_writes_where_it_is_told_and_its_output_stays_off_stdout(self):
        program = (
            "import shutil, sys; print('{\"tasks\": {\"no\": 1}}');"
            "shutil.copy(sys.argv[1], sys.argv[sys.argv.index('--output_path') + 1] + '/results_1.json')"
        )
        done = self.run_script(
            self.only("gsm8k"), command=lambda path: [sys.executable, "-c", program, path]
        )
        self.assertEqual(json.loads(done.stdout), {"tasks": {"gsm8k": 0.25}})

    def test_a_command_that_fails_is_no_result(self):
        done = self.run_script(
            RESULTS, command=lambda path: [sys.executable, "-c", "raise SystemExit(3)"]
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("exit code 3", done.stderr)


if __name__ == "__main__":
    unittest.main()
