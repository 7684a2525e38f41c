"""Folds an adapter with PEFT as people do, and tells time and peak memory.

    python time_peft.py BASE ADAPTER OUT
"""

import os
import resource
import sys
import time

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
started = time.time()
import torch
import transformers
from peft import PeftModel

base, adapter, out = sys.argv[1:]
imported = time.time()
model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
folded = time.time()
merged.save_pretrained(out)
ended = time.time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"imports {imported - started:.1f} s, load and fold {folded - imported:.1f} s, save {ended - folded:.1f} s, peak {peak:.0f} MiB")
