"""Translates with CTranslate2 or transformers in this process, and writes seconds and translations as JSON.

Text in, text out. The clock starts when the model is loaded and has translated a few sentences.
"""

import argparse
import json
import time
from pathlib import Path

from prepare import read_lines

WARMUP = 32


class CTranslate2:
    # In these units it sorts by length and makes batches itself.
    batches = [(32, "examples"), (64, "examples"), (1024, "tokens"), (4096, "tokens")]

    def __init__(self, options):
        import ctranslate2
        import sentencepiece

        self.translator = ctranslate2.Translator(
            str(options.model), compute_type="float32", inter_threads=options.workers, intra_threads=options.threads
        )
        tokenizer = {"num_threads": options.workers * options.threads}
        source, target = options.folder / "source.spm", options.folder / "target.spm"
        self.source = sentencepiece.SentencePieceProcessor(model_file=str(source), **tokenizer)
        self.target = sentencepiece.SentencePieceProcessor(model_file=str(target), **tokenizer)
        self.search = {"length_penalty": options.generation["length_penalty"], "max_decoding_length": options.longest}

    def translate(self, lines: list, beam: int, batch: tuple) -> list:
        size, unit = batch
        sources = [[*pieces, "</s>"] for pieces in self.source.encode(lines, out_type=str)]
        found = self.translator.translate_batch(sources, beam_size=beam, max_batch_size=size, batch_type=unit, **self.search)
        return self.target.decode([result.hypotheses[0] for result in found])


class Transformers:
    batches = [(64, "examples")]

    def __init__(self, options):
        import torch
        import transformers

        transformers.logging.set_verbosity_error()
        torch.set_num_threads(options.threads)
        self.model = transformers.MarianMTModel.from_pretrained(options.folder, dtype=torch.float32).eval()
        self.tokenizer = transformers.MarianTokenizer.from_pretrained(options.folder)
        # What it starts with counts as well, and so does the end that it puts in the last place.
        self.search = {"max_length": options.longest + 2, "early_stopping": options.generation["early_stopping"]}

    def translate(self, lines: list, beam: int, batch: tuple) -> list:
        ids = self.tokenizer(lines)["input_ids"]
        order = sorted(range(len(lines)), key=lambda line: len(ids[line]))
        translations = [""] * len(lines)
        for start in range(0, len(order), batch[0]):
            chosen = order[start : start + batch[0]]
            padded = self.tokenizer.pad({"input_ids": [ids[line] for line in chosen]}, return_tensors="pt")
            # Greedy search knows no early stopping.
            search = {**self.search, **({"early_stopping": False} if beam == 1 else {})}
            found = self.model.generate(**padded, num_beams=beam, do_sample=False, **search)
            for line, text in zip(chosen, self.tokenizer.batch_decode(found, skip_special_tokens=True)):
                translations[line] = text
        return translations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=["ctranslate2", "transformers"])
    parser.add_argument("--folder", type=Path, required=True, help="the exported folder")
    parser.add_argument("--model", type=Path, help="what CTranslate2 made of it")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--beams", type=int, nargs="+", required=True)
    parser.add_argument("--longest", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="with one size of batches alone")
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    options.generation = json.loads((options.folder / "generation_config.json").read_text(encoding="utf-8"))
    lines = read_lines(options.text)
    tool = {"ctranslate2": CTranslate2, "transformers": Transformers}[options.tool](options)
    result = {"seconds": {}, "translations": {}}
    for beam in options.beams:
        seconds = result["seconds"][str(beam)] = {}
        for batch in tool.batches[: 1 if options.once else None]:
            tool.translate(lines[:WARMUP], beam, batch)
            start = time.perf_counter()
            translations = tool.translate(lines, beam, batch)
            seconds[f"{batch[0]} {batch[1]}"] = time.perf_counter() - start
            # Another batch may round otherwise: the first stands for all.
            result["translations"].setdefault(str(beam), translations)
    options.result.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
