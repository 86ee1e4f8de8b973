"""The result as Markdown."""

import statistics
from dataclasses import dataclass

PEER, OURS = "JoeyNMT, malloc tuned", "Targum"


@dataclass
class Run:
    """One training."""

    tokens_per_second: float
    tokens_per_update: float
    parameters: int
    peak_kib: int


@dataclass
class Timing:
    """Sentences a second by beam."""

    speeds: dict


def row(cells: list) -> str:
    return f"| {' | '.join(cells)} |"


def training(trained: dict, per_sentence: dict) -> list:
    head = ["model", "tool", "target tokens/s", "each round", "sentences/s", "target tokens/update", "parameters", "peak memory", "ratio"]
    lines = [row(head), row(["---", "---", *["---:"] * (len(head) - 2)])]
    for model, tools in trained.items():
        for name, runs in tools.items():
            speeds = [run.tokens_per_second for run in runs]
            speed = statistics.median(speeds)
            peer = statistics.median(run.tokens_per_second for run in tools[PEER])
            lines.append(row([
                model,
                name,
                f"{speed:,.0f}",
                ", ".join(f"{one:,.0f}" for one in speeds),
                f"{speed / per_sentence[model][name]:,.0f}",
                f"{statistics.mean(run.tokens_per_update for run in runs):,.0f}",
                f"{runs[0].parameters / 1e6:.2f} M",
                f"{max(run.peak_kib for run in runs) / 2**20:.1f} GiB",
                f"{speed / peer:.2f}×",
            ]))
    return lines


def translation(translated: dict, beams: list) -> list:
    names = ["greedy" if beam == 1 else f"beam {beam}" for beam in beams]
    lines = [row(["model", "tool", *names, *[f"{name}, ratio" for name in names]]), row(["---", "---", *["---:"] * (2 * len(beams))])]
    for model, tools in translated.items():
        for name, timing in tools.items():
            speeds = [f"{timing.speeds[beam]:,.1f}" for beam in beams]
            ratios = [f"{timing.speeds[beam] / tools[PEER].speeds[beam]:.2f}×" for beam in beams]
            lines.append(row([model, name, *speeds, *ratios]))
    return lines


def report(machine: list, options, recipe: dict, trained: dict, per_sentence: dict, translated: dict) -> str:
    size, batch = recipe["tokenizer"]["size"], recipe["training"]["batch_tokens"]
    lines = ["# Targum and JoeyNMT", ""]
    lines += [f"- {fact}" for fact in machine]
    lines += [
        f"- Training: Multi30k English to German, joint lowercased BPE of {size:,}, batches of {batch:,} padded tokens as each counts them "
        f"(Targum both sides together, JoeyNMT the longer one), Adam, fp32, no validation. {options.updates} updates after {options.warmup} "
        f"to warm up, median of {options.rounds} rounds in turn. Target tokens are real ones, end of sentence included, padding not. "
        f"The ratio is to {PEER}.",
        "",
        *training(trained, per_sentence),
    ]
    for model, tools in trained.items():
        ratio = statistics.median(run.tokens_per_second for run in tools[OURS]) / statistics.median(
            run.tokens_per_second for run in tools[PEER]
        )
        lines += ["", f"{model}: {OURS} trains at {ratio:.2f} times the speed of {PEER}."]
    if translated:
        lines += [
            "",
            f"Translating the 1,000 sentences of test_2016_flickr, every translation {options.pieces} pieces long: sentences a second, "
            "loading left out; batches as each makes them unless told otherwise.",
            "",
            *translation(translated, options.beams),
        ]
    return "\n".join(lines) + "\n"
