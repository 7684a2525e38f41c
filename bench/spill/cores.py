"""What bounds a merge on 8, 32 and 64 cores, from what one lane is counted to do here.

    python cores.py SLUICE --family DIR --work DIR [--limit 1024] [--memory-bandwidth 200]

Runs a merge of all models of the family with one lane, its inputs dropped from the page cache, in a memory group of --limit MiB (version 1; needs
root), without and with spills, and takes from it: the processor's time for a delta in each
pass, kernel included; bytes read and written; calls that lock, wake and wait (`locks.c`, loaded before the merge); the seconds outside of passes.
Then, for each number of cores and each speed of the disk, the seconds that both passes take at least, what binds them, and the part that is serial; and
the speed of the disk from which on something else binds, and what. Bounds:

  disk     bytes read and written, at the disk's speed
  cores    processor time of lanes over cores, with the tail of a list of tensors that is handed out largest strips as they come
  memory   bytes that cross the memory bus at --memory-bandwidth GB/s: what is read or written crosses it twice, to or from the disk and to or from a processor
  writers  what the one thread that writes frames, and each of those that write the result, take of a processor
  locks    calls that lock, as if all were of one lock, --call-ns each
  wakes    calls that wake, as if each woke all lanes, who then lock one after the other
  serial   start, what lies between passes, and the end: as measured, on one core
"""
import argparse
import heapq
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from groups import Group, device_of, drop

STRIP = 1 << 25
CORES = (8, 32, 64)
DISKS = (2, 7, 14)


def header(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))


def tensors(folder):
    """Elements of each tensor, in the order of names, and whether it is pruned."""
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".safetensors"):
            found |= {key: value for key, value in header(f"{folder}/{name}").items() if key != "__metadata__"}

    def natural(name):
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    for name in sorted(found, key=natural):
        count = 1
        for length in found[name]["shape"]:
            count *= length
        yield count, ".layers." in name and name.endswith("proj.weight")


def tail(counts, lanes):
    """How many times as long a list takes on lanes that take strips one by one as it would in equal parts."""
    free = [0] * lanes
    for count in counts:
        for start in range(0, count, STRIP):
            heapq.heappush(free, heapq.heappop(free) + min(STRIP, count - start))
    return max(free) * lanes / sum(counts)


def run(sluice, family, models, work, library, limit, words):
    out = f"{work}/out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sluice, "merge", "--base", f"{family}/base", "--out", out, "--threads", "1", "--verbose"] + words
    for model in models:
        command += ["--model", f"{model}={family}/{model}"]
    files = [f"{family}/{model}/{name}" for model in ["base"] + models for name in os.listdir(f"{family}/{model}")]
    drop([name for name in files if name.endswith(".safetensors")])
    group = Group(limit << 20, device_of(work), 0)
    done = subprocess.run(command, preexec_fn=group.enter, env=os.environ | {"LD_PRELOAD": library, "LOCKS_OUT": f"{work}/locks.json"}, capture_output=True, text=True)
    group.remove()
    if done.returncode:
        sys.exit(done.stderr)
    with open(f"{out}/sluice-report.json") as file:
        report = json.load(file)
    with open(f"{work}/locks.json") as file:
        locks = json.load(file)
    nodes = {}
    for line in (done.stdout + done.stderr).splitlines():
        found = re.match(r"(\w+) +(read|lane|write frames|write)(?: \d+)? +[\d.]+ +[\d.]+ +([\d.]+) ", line)
        if found:
            nodes.setdefault((found[1], found[2]), []).append(float(found[3]))
    shutil.rmtree(out)
    return report, nodes, locks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--family", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--limit", type=int, default=1024)
    parser.add_argument("--memory-bandwidth", type=float, default=200, help="GB/s that a socket's memory gives")
    parser.add_argument("--call-ns", type=float, default=100, help="what a lock costs that another core had last")
    options = parser.parse_args()
    family = os.path.realpath(options.family)
    models = sorted(name for name in os.listdir(family) if name != "base" and os.path.isdir(f"{family}/{name}"))
    work = tempfile.mkdtemp(dir=options.work)
    library = f"{work}/locks.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, os.path.dirname(os.path.abspath(__file__)) + "/locks.c", "-ldl"], check=True)
    counts = list(tensors(f"{family}/base"))
    linear, every = [count for count, is_linear in counts if is_linear], [count for count, _ in counts]
    deltas = [sum(linear) * len(models), sum(every) * len(models)]
    chunks = sum((count + (1 << 17) - 1) >> 17 for count in linear + every)
    rows, told = [], []
    for way in ("off", "none", "rice"):
        report, nodes, locks = run(options.sluice, family, models, work, library, options.limit, ["--spill", way])
        passes, totals = report["explanation"]["passes"], report["totals"]
        lanes = [sum(nodes[one["name"], "lane"]) for one in passes]
        reading = [sum(nodes.get((one["name"], "read"), [])) for one in passes]
        processor = [lane + read for lane, read in zip(lanes, reading)]
        spilled = totals["bytesSpilled"] if way != "off" else 0
        second = passes[1]["bytesRead"]
        first = totals["bytesRead"] - second
        written = passes[1]["bytesWritten"]
        serial = totals["seconds"] - sum(one["seconds"] for one in passes)
        frames = sum(nodes.get((passes[0]["name"], "write frames"), []))
        writers_of_result = nodes[passes[1]["name"], "write"]
        result = sum(writers_of_result)
        told.append(
            f"`{way}`: ns a delta " + " and ".join(f"{1e9 * one / count:.2f}" for one, count in zip(processor, deltas))
            + f"; GB read {first / 1e9:.2f} and {second / 1e9:.2f}, spilled {spilled / 1e9:.2f}, written {written / 1e9:.2f}"
            + f"; calls for each of {chunks} chunks: {locks['mutexes'] / chunks:.1f} locks, {locks['broadcasts'] / chunks:.2f} wakes, "
            + f"{locks['waits'] / chunks:.2f} waits; {locks['futexes']} waits of locks without calls"
            + (f"; frames' writer {spilled / frames / 1e9:.1f} GB/s" if frames and spilled else "")
            + f"; the result's writers {written / result / 1e9:.0f} GB for a second of a processor; {serial:.3f} s outside of passes")
        calls = [count * options.call_ns * 1e-9 / 2 for count in (locks["mutexes"], locks["broadcasts"])]
        for cores in CORES:
            bounds = []
            for moved, seconds, counts, writers in ((first + spilled, processor[0], linear, frames), (second + written, processor[1], every, result / len(writers_of_result))):
                bounds.append((moved, {
                    "cores": seconds / cores * tail(counts, cores), "memory": 2 * moved / options.memory_bandwidth / 1e9, "writers": writers,
                    "locks": calls[0], "wakes": calls[1] * cores}))
            cells = []
            for disk in DISKS:
                least = [{"disk": moved / disk / 1e9} | one for moved, one in bounds]
                binding = [max(one, key=one.get) for one in least]
                total = sum(one[name] for one, name in zip(least, binding)) + serial
                cells.append(f"{total:.2f} {' and '.join(dict.fromkeys(binding))}, {100 * serial / total:.0f} %")
            limits = []
            for moved, one in bounds:
                name = max(one, key=one.get)
                limits.append(f"{moved / one[name] / 1e9:.0f} {name}")
            rows.append(f"| {way} | {cores} | " + " | ".join(cells + limits) + " |")
    print("\n".join(told))
    print("\n| spill | cores | " + " | ".join(f"{disk} GB/s" for disk in DISKS) + " | first pass: disk binds up to, GB/s | second pass |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    shutil.rmtree(work)


main()
