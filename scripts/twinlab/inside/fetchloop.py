#!/usr/bin/env python3
"""A client program that fetches many files, again and again, as fast as it can, until it is told to stop.

    fetchloop.py --base URL --files plain|few|small|packages --seed N [--limit S] COMMAND
Each turn chooses files of /fetch by chance (hundreds of small ones, at times a big one), writes their names
to /fetched/names and URLs to /fetched/urls, and runs the shell command in an empty folder, with BASE in its
environment. A turn that takes longer than the limit is ended: it hangs. Then every file's SHA-256 is
compared.
One JSON line for each turn that has ended:
    {"began", "ended", "code", "right", "files", "bytes", "retries", "said"}
It ends after the turn in which /stop comes to be.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

FETCH, WORK, STOP = Path("/fetch"), Path("/fetched"), Path("/stop")
HERE, OUT = WORK / "here", WORK / "out"
HUNG = 124
"""As timeout(1) has it."""
RETRY = re.compile(r"retrying|will retry|\[MIRROR\]|^Ign:|again$", re.I | re.M)
SMALL = {"plain": (40, 160), "few": (20, 40), "packages": (40, 160)}
"""How many small files a turn fetches, at least and at most."""
BIG = 0.3
"""How often there is a big one among them, and how often that one is huge."""


def choose(draw: random.Random, kind: str) -> list[str]:
    """Names below /fetch. `small`: all of that folder."""
    every = sorted(path.name for path in (FETCH / "small").iterdir())
    if kind == "small":
        return [f"small/{name}" for name in every]
    names = [f"small/{name}" for name in draw.sample(every, draw.randint(*SMALL[kind]))]
    if kind != "few" and draw.random() < BIG:
        big = "100m" if kind == "plain" and draw.random() < BIG else "20m"
        names.insert(draw.randrange(len(names)), f"large/{big}.bin")
    return names


def not_right(names: list[str], sums: dict[str, str]) -> list[str]:
    """The files that are not there, or not what they should be."""
    wrong = []
    for name in (name.split("/")[1] for name in names):
        found = next((path for path in (HERE / name, HERE / "root/opt/many" / name) if path.is_file()), None)
        if found is None or hashlib.sha256(found.read_bytes()).hexdigest() != sums[name]:
            wrong.append(name + ("" if found else " is missing"))
    return wrong


def run(command: str, base: str, limit_s: float) -> int:
    """The command's exit status, after every process of it has ended."""
    with OUT.open("wb") as said:
        program = subprocess.Popen(
            ["bash", "-c", command], cwd=HERE, env={**os.environ, "BASE": base}, stdin=subprocess.DEVNULL,
            stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return program.wait(limit_s)
        except subprocess.TimeoutExpired:
            return HUNG
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def turn(args: argparse.Namespace, draw: random.Random, sums: dict[str, str]) -> dict[str, object]:
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    names = choose(draw, args.files)
    (WORK / "urls").write_text("".join(f"{args.base}/{name}\n" for name in names))
    (WORK / "names").write_text("".join(f"{name.split('/')[1].removesuffix('.bin')}\n" for name in names))
    began = time.time()
    code = run(args.command, args.base, args.limit)
    ended = time.time()
    wrong = not_right(names, sums)
    text = OUT.read_text(errors="replace")
    bad = f"{text[-300:]} wrong: {', '.join(wrong[:3])} ({len(wrong)})"
    return {
        "began": began, "ended": ended, "code": code, "right": not wrong, "files": len(names),
        "bytes": sum((FETCH / name).stat().st_size for name in names),
        "retries": len(RETRY.findall(text)), "said": bad if code or wrong else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True)
    parser.add_argument("--files", choices=[*SMALL, "small"], default="plain")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("command")
    args = parser.parse_args()
    draw = random.Random(args.seed)
    sums = {name: digest for digest, name in map(str.split, (FETCH / "files.sums").read_text().splitlines())}
    while not STOP.exists():
        print(json.dumps(turn(args, draw, sums)), flush=True)


if __name__ == "__main__":
    main()
