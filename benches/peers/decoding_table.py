"""The result of decoding as Markdown."""

import statistics
from dataclasses import dataclass

from agreement import identical
from table import row

PEER = "CTranslate2"
PEERS = [PEER, "transformers"]


@dataclass(frozen=True)
class Setup:
    workers: int
    threads: int

    def __str__(self):
        return f"{self.workers} × {self.threads}"


@dataclass
class Sample:
    """One translation of the text: seconds by beam and batch size, translations by beam."""

    sentences: int
    seconds: dict
    translations: dict


def kind(beam: int) -> str:
    return "greedy" if beam == 1 else f"beam {beam}"


def fastest(samples: list, beam: int) -> tuple:
    """Sentences a second in the median round, with the batch size that is best in it, and that size."""
    speeds = {
        batch: statistics.median(sample.sentences / sample.seconds[beam][batch] for sample in samples)
        for batch in samples[0].seconds[beam]
    }
    best = max(speeds, key=speeds.get)
    return speeds[best], best


def speeds(measured: dict, beams: list) -> list:
    head = ["workers × threads", "tool", *map(kind, beams), *[f"{kind(beam)}, ratio" for beam in beams], "batches"]
    lines = [row(head), row(["---", "---", *["---:"] * (2 * len(beams)), "---"])]
    for setup, tools in measured.items():
        for name, samples in tools.items():
            found = [fastest(samples, beam) for beam in beams]
            peers = [fastest(tools[PEER], beam)[0] for beam in beams]
            lines.append(row([
                str(setup),
                name,
                *[f"{speed:,.1f}" for speed, _ in found],
                *[f"{speed / peer:.2f}×" for (speed, _), peer in zip(found, peers)],
                ", ".join(dict.fromkeys(batch for _, batch in found)),
            ]))
    return lines


def quality(translations: dict, references: list, beams: list) -> list:
    import sacrebleu

    head = ["tool", *[f"{kind(beam)}, BLEU" for beam in beams]]
    head += [f"{kind(beam)}, as {name}" for name in PEERS for beam in beams]
    lines = [row(head), row(["---", *["---:"] * (len(head) - 1)])]
    for name, texts in translations.items():
        scores = [sacrebleu.corpus_bleu(texts[beam], [references], lowercase=True).score for beam in beams]
        same = [
            "" if name == other else str(identical(texts[beam], translations[other][beam]))
            for other in PEERS
            for beam in beams
        ]
        lines.append(row([name, *[f"{score:.2f}" for score in scores], *same]))
    return lines


def report(facts: list, options, measured: dict, references: list) -> str:
    translations = {}
    for tools in measured.values():
        for name, samples in tools.items():
            translations.setdefault(name, samples[0].translations)
    lines = ["# Targum, CTranslate2 and transformers", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += [
        f"- {len(references):,} sentences of test_2016_flickr, text in and text out, loading left out, fp32 unless said otherwise; translations "
        f"end at {options.longest} pieces. Sentences a second, median of {options.rounds} rounds in turn; the ratio is to {PEER} with as many "
        "workers and threads. Where batch sizes are named, the fastest of several was taken.",
        "",
        *speeds(measured, options.beams),
        "",
        "BLEU by sacreBLEU, lower-cased, and how many translations are identical to another tool's:",
        "",
        *quality(translations, references, options.beams),
    ]
    return "\n".join(lines) + "\n"
