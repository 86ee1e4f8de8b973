"""Translates Multi30k's test set with Targum, CTranslate2 and transformers in turn, with one model, and sets their speed side by side."""

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import prepare
from agreement import check
from decoding_table import Sample, Setup, report
from measure import ROOT, machine, run

HERE = Path(__file__).resolve().parent
WORK = HERE / ".work"
FOLDER = WORK / "decoding"
SETUPS = [Setup(1, 1), Setup(2, 1), Setup(1, 2)]


class Targum:
    def __init__(self, options, arguments: str):
        self.arguments = shlex.split(arguments)
        self.name = f"Targum {arguments}".strip()
        listed = subprocess.run([options.targum, "translate", "--help"], capture_output=True, text=True, check=True).stdout
        self.has_workers = "--workers" in listed

    def can(self, setup: Setup) -> bool:
        return setup.workers == 1 or self.has_workers

    def translate(self, setup: Setup, options) -> Sample:
        seconds, translations = {}, {}
        log, out = FOLDER / "targum.log", FOLDER / "targum.de"
        sentence = FOLDER / "sentence.en"
        sentence.write_text(options.lines[0] + "\n", encoding="utf-8")
        # Workers share out --threads.
        threads = setup.workers * setup.threads if self.has_workers else setup.threads
        for beam in options.beams:
            command = [options.targum, "translate", "--model", options.model, "--device", "cpu", "--threads", threads]
            command += ["--workers", setup.workers] if self.has_workers else []
            command += ["--beam", beam, "--maximum-length", options.longest, *self.arguments]
            # A single sentence takes little but loading.
            loading, _ = run(command, log, threads, stdin=sentence, stdout=out)
            all_of_it, _ = run(command, log, threads, stdin=options.text, stdout=out)
            if all_of_it <= loading and not options.check:
                raise SystemExit(f"{self.name} took {loading:.1f} s for a sentence and {all_of_it:.1f} s for all: the machine is too busy")
            seconds[beam] = {"": all_of_it - loading}
            translations[beam] = prepare.read_lines(out)
            if len(translations[beam]) != len(options.lines):
                raise SystemExit(f"{self.name} made {len(translations[beam])} lines of {len(options.lines)}: {out}")
        return Sample(len(options.lines) - 1, seconds, translations)


class Peer:
    def __init__(self, name: str, most_workers: int, tuned: bool):
        self.name = name
        self.most_workers = most_workers
        self.tuned = tuned

    def can(self, setup: Setup) -> bool:
        return setup.workers <= self.most_workers

    def translate(self, setup: Setup, options) -> Sample:
        label = self.name.lower()
        result = FOLDER / f"{label}.json"
        command = [sys.executable, HERE / "decoding_peer.py", label, "--folder", FOLDER / "huggingface", "--model", FOLDER / "ctranslate2"]
        command += ["--text", options.text, "--longest", options.longest, "--result", result]
        command += ["--workers", setup.workers, "--threads", setup.threads, "--beams", *options.beams]
        command += ["--once"] if options.check else []
        run(command, FOLDER / f"{label}.log", setup.threads, self.tuned)
        found = json.loads(result.read_text(encoding="utf-8"))
        by_beam = {kind: {int(beam): value for beam, value in found[kind].items()} for kind in ("seconds", "translations")}
        return Sample(len(options.lines), by_beam["seconds"], by_beam["translations"])


def export(options) -> None:
    """Writes the model as a Hugging Face folder, and that as a model of CTranslate2."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    folder = FOLDER / "huggingface"
    run([options.targum, "export", "--format", "huggingface", "--model", options.model, "--out", folder], FOLDER / "export.log", 1)
    notes = (FOLDER / "export.log").read_text(encoding="utf-8")
    print(notes, end="", file=sys.stderr)
    converter = Path(sys.executable).with_name("ct2-transformers-converter")
    run([converter, "--model", folder, "--output_dir", FOLDER / "ctranslate2"], FOLDER / "convert.log", 1)


def facts(options) -> list:
    program = subprocess.run([options.targum, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = {"CTranslate2": "ctranslate2", "transformers": "transformers", "torch": "torch", "sacreBLEU": "sacrebleu"}
    peers = ", ".join(f"{name} {version(package)}" for name, package in packages.items())
    allocator = "; malloc of the peers tuned" if options.tuned_malloc else ""
    return [*machine(), f"Versions: {program}; {peers}, Python {platform.python_version()}{allocator}", f"Model: {options.model.name}"]


def arguments():
    parser = argparse.ArgumentParser(prog="benches/peers/decoding.sh", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=ROOT / "checkpoints" / "multi30k-en-de-transformer", help="run folder of a Transformer in Marian's form"
    )
    parser.add_argument("--check", action="store_true", help="time nothing; print what the tools translate differently")
    parser.add_argument("--beams", type=int, nargs="+", help="beams to translate with (default 1 5; with --check 1 4)")
    parser.add_argument("--sentences", type=int, help="the first so many (default 1000; with --check 200)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each translates, in turn; medians are shown (default 3)")
    parser.add_argument("--longest", type=int, help="most pieces of a translation, its end counted (default: the model's own)")
    parser.add_argument(
        "--targum-arguments", action="append", default=[], metavar="=ARGUMENTS", help="one more row: Targum with these; may be repeated"
    )
    parser.add_argument("--tuned-malloc", action="store_true", help="the peers get the allocator settings that JoeyNMT gets in compare.py")
    parser.add_argument("--data", type=Path, help="folder with Multi30k (default data/multi30k)")
    parser.add_argument("--targum", type=Path, default=ROOT / "target" / "release" / "targum", help="the program to measure")
    options = parser.parse_args()
    if not options.targum.is_file():
        parser.error(f"{options.targum}: no such program; run `make build`, or name it with --targum")
    if not options.model.is_dir():
        parser.error(
            f"{options.model}: no such run; `targum train configs/{options.model.name}.toml --set tokenizer.sentencepiece=true` makes one "
            "that can be exported, or name another with --model"
        )
    options.targum, options.model = options.targum.resolve(), options.model.resolve()
    options.data = options.data or prepare.multi30k()
    if options.data is None:
        parser.error("no Multi30k in data/multi30k; run `target/release/targum data multi30k`, or name its folder with --data")
    options.beams = options.beams or ([1, 4] if options.check else [1, 5])
    options.sentences = options.sentences or (200 if options.check else 1000)
    if min(options.rounds, options.sentences - 1, *options.beams) < 1:
        parser.error("--rounds and --beams are at least 1, --sentences at least 2")
    return options


def main() -> None:
    options = arguments()
    export(options)
    prepare.lay_out(options.data, WORK / "data")
    sides = [prepare.read_lines(WORK / "data" / f"test_2016_flickr.{side}") for side in ("en", "de")]
    options.lines, references = [lines[: options.sentences] for lines in sides]
    options.text = FOLDER / "text.en"
    options.text.write_text("".join(f"{line}\n" for line in options.lines), encoding="utf-8")
    generation = json.loads((FOLDER / "huggingface" / "generation_config.json").read_text(encoding="utf-8"))
    # The decoder's start counts there.
    options.longest = options.longest or generation["max_length"] - 1
    tools = [Peer("CTranslate2", 2, options.tuned_malloc), Peer("transformers", 1, options.tuned_malloc)]
    tools += [Targum(options, given) for given in ["", *options.targum_arguments]]
    if options.check:
        print(check(options.lines, {tool.name: tool.translate(Setup(1, 1), options).translations for tool in tools}), end="")
        return
    measured = {setup: {tool.name: [] for tool in tools if tool.can(setup)} for setup in SETUPS}
    for number in range(options.rounds):
        for setup in SETUPS:
            for tool in tools:
                if tool.can(setup):
                    measured[setup][tool.name].append(tool.translate(setup, options))
                    print(f"round {number + 1}, {setup}, {tool.name}", file=sys.stderr)
    text = report(facts(options), options, measured, references)
    (WORK / "decoding.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
