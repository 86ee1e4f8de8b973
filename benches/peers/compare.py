"""Trains JoeyNMT and Targum in turn, each by itself, and sets their speed side by side."""

import argparse
import json
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import prepare
from measure import ROOT, machine, run
from recipe import read_recipe
from table import Run, Timing, report
from token_count import targum_tokens

HERE = Path(__file__).resolve().parent
WORK = HERE / ".work"
MODELS = ["luong", "bahdanau", "transformer"]


class JoeyNMT:
    def __init__(self, tuned: bool):
        self.tuned = tuned
        self.name = "JoeyNMT, malloc tuned" if tuned else "JoeyNMT, default malloc"
        self.label = "joeynmt-tuned" if tuned else "joeynmt"

    def call(self, mode: str, model: str, options, *more) -> dict:
        result, folder = WORK / f"{self.label}-{model}-{mode}.json", WORK / f"{self.label}-{model}"
        command = [sys.executable, HERE / "joeynmt_run.py", mode, "--recipe", HERE / f"{model}.toml", "--work", WORK]
        command += ["--folder", folder, "--result", result, "--threads", options.threads, *more]
        run(command, WORK / f"{self.label}-{model}-{mode}.log", options.threads, self.tuned)
        return json.loads(result.read_text(encoding="utf-8"))

    def train(self, model: str, options) -> Run:
        found = self.call("train", model, options, "--warmup", options.warmup, "--updates", options.updates)
        per_second = found["target_tokens"] / found["seconds"]
        return Run(per_second, found["target_tokens"] / found["updates"], found["parameters"], found["peak_kib"])

    def translate(self, model: str, options) -> Timing:
        beams = [str(beam) for beam in options.beams]
        found = self.call("translate", model, options, "--pieces", options.pieces, "--beams", *beams)
        return Timing({beam: found["sentences"] / found["seconds"][str(beam)] for beam in options.beams})

    def tokens_per_sentence(self, model: str) -> float:
        return prepare.pieces_per_sentence(WORK, "de")


class Targum:
    name = "Targum"

    def __init__(self, program: Path):
        self.program = program

    def folder(self, model: str) -> Path:
        return WORK / f"targum-{model}"

    def train(self, model: str, options) -> Run:
        folder = self.folder(model)
        shutil.rmtree(folder, ignore_errors=True)
        window = largest_common(options.warmup, options.updates)
        settings = [f"training.updates={options.warmup + options.updates}", f"training.log_every={window}"]
        command = [self.program, "train", HERE / f"{model}.toml", "--out", folder, "--device", "cpu", "--threads", options.threads]
        for setting in settings:
            command += ["--set", setting]
        _, peak = run(command, WORK / f"targum-{model}-train.log", options.threads)
        entries = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        parameters = next(entry["parameters"] for entry in entries if entry["kind"] == "started")
        windows = [entry for entry in entries if entry["kind"] == "training"]
        seconds = tokens = 0.0
        before = 0.0
        for entry in windows:
            elapsed, before = entry["elapsed_seconds"] - before, entry["elapsed_seconds"]
            if entry["step"] > options.warmup:
                seconds += elapsed
                tokens += entry["target_tokens_per_second"] * elapsed
        return Run(tokens / seconds, tokens / options.updates, parameters, peak)

    def translate(self, model: str, options) -> Timing:
        test, sentence = WORK / "data" / "test_2016_flickr.en", WORK / "data" / "sentence.en"
        lines = test.read_text(encoding="utf-8").splitlines(keepends=True)
        sentence.write_text(lines[0], encoding="utf-8")
        speeds = {}
        for beam in options.beams:
            command = [self.program, "translate", "--model", self.folder(model), "--device", "cpu", "--threads", options.threads]
            command += ["--beam", beam, "--minimum-length", options.pieces, "--maximum-length", options.pieces]
            log, out = WORK / f"targum-{model}-translate.log", WORK / f"targum-{model}-{beam}.de"
            # JoeyNMT's clock leaves loading out; a single sentence takes little else.
            loading, _ = run(command, log, options.threads, stdin=sentence, stdout=out)
            seconds, _ = run(command, log, options.threads, stdin=test, stdout=out)
            if seconds <= loading:
                raise SystemExit(f"Targum took {loading:.1f} s for one sentence and {seconds:.1f} s for all: the machine is too busy to measure")
            speeds[beam] = (len(lines) - 1) / (seconds - loading)
        return Timing(speeds)

    def tokens_per_sentence(self, model: str) -> float:
        return targum_tokens(self.folder(model), WORK / "data" / "train.de")


def largest_common(warmup: int, updates: int) -> int:
    """Updates of a log window that fits both."""
    while updates:
        warmup, updates = updates, warmup % updates
    return warmup


def setting(options) -> list:
    """What was measured on, one fact a line."""
    program = subprocess.run([str(options.targum), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return [
        *machine(),
        f"Versions: {program}; JoeyNMT {version('joeynmt')} with torch {version('torch')}, Python {platform.python_version()}; "
        f"{options.threads} threads used",
    ]


def arguments():
    parser = argparse.ArgumentParser(prog="benches/peers/run.sh", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--updates", type=int, default=60, help="measured updates of each training (default 60)")
    parser.add_argument("--warmup", type=int, default=10, help="updates before the clock starts (default 10)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is trained, in turn; medians are shown (default 2)")
    parser.add_argument("--threads", type=int, default=2, help="threads of either (default 2)")
    parser.add_argument("--no-default-malloc", action="store_true", help="leave out JoeyNMT with the allocator as it comes")
    parser.add_argument("--translate", action="store_true", help="also time translating test_2016_flickr with the models so trained")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5], help="beams to translate with (default 1 5)")
    parser.add_argument("--pieces", type=int, default=16, help="length of every translation, so that both do the same work (default 16)")
    parser.add_argument("--data", type=Path, help="folder with Multi30k (default data/multi30k)")
    parser.add_argument("--targum", type=Path, default=ROOT / "target" / "release" / "targum", help="the program to measure")
    options = parser.parse_args()
    for name in ("updates", "warmup", "rounds", "threads", "pieces"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is at least 1")
    if not options.targum.is_file():
        parser.error(f"{options.targum}: no such program; run `make build`, or name it with --targum")
    options.targum = options.targum.resolve()
    options.data = options.data or prepare.multi30k()
    if options.data is None:
        parser.error("no Multi30k in data/multi30k; run `target/release/targum data multi30k`, or name its folder with --data")
    return options


def main() -> None:
    options = arguments()
    prepare.lay_out(options.data, WORK / "data")
    recipe = read_recipe(HERE / f"{options.models[0]}.toml")
    prepare.train_vocabulary(WORK, recipe["tokenizer"]["size"], recipe["tokenizer"]["lowercase"])
    tools = [JoeyNMT(tuned=True), Targum(options.targum)]
    if not options.no_default_malloc:
        tools.insert(0, JoeyNMT(tuned=False))
    trained = {model: {tool.name: [] for tool in tools} for model in options.models}
    for number in range(options.rounds):
        for model in options.models:
            for tool in tools:
                found = tool.train(model, options)
                trained[model][tool.name].append(found)
                print(f"round {number + 1}, {model}, {tool.name}: {found.tokens_per_second:.0f} target tokens/s", file=sys.stderr)
    per_sentence = {model: {tool.name: tool.tokens_per_sentence(model) for tool in tools} for model in options.models}
    translated = {}
    if options.translate:
        for model in options.models:
            translated[model] = {}
            for tool in tools:
                translated[model][tool.name] = tool.translate(model, options)
                print(f"translated: {model}, {tool.name}", file=sys.stderr)
    text = report(setting(options), options, recipe, trained, per_sentence, translated)
    (WORK / "result.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
