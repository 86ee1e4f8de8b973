"""Trains or times JoeyNMT with the sizes of a Targum recipe, in this process, and writes what was measured as JSON.

JoeyNMT's own code runs unchanged: its trainer's clock is read where it would be logged.
"""

import argparse
import json
import resource
import shutil
import time
from functools import partial
from pathlib import Path

import torch
from joeynmt import prediction, training
from joeynmt.config import parse_global_args
from joeynmt.helpers import make_model_dir

from joeynmt_config import configuration
from recipe import read_recipe


class Meter(training.TrainManager):
    """Keeps the figures of each update."""

    updates: list = []
    parameters = 0

    def _train_step(self, batch):
        Meter.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        Meter.updates.append({
            "sentences": batch.nseqs,
            "source_tokens": int(batch.src_length.sum()),
            "target_tokens": batch.ntokens,
            "positions": batch.src.numel() + batch.trg.numel(),
        })
        return super()._train_step(batch)

    def _log_scores(self, epoch_no, elapsed_time, *_):
        Meter.updates[-1]["seconds"] = elapsed_time


def train(recipe: dict, work: Path, folder: Path, warmup: int, updates: int) -> dict:
    """Sums over the updates after the warm-up."""
    make_model_dir(folder, overwrite=True)
    training.TrainManager = Meter
    training.train(rank=0, world_size=None, cfg=configuration(recipe, work, folder, warmup + updates), skip_test=True)
    measured = Meter.updates[warmup:]
    sums = {key: sum(update[key] for update in measured) for key in measured[0]}
    real = sums["source_tokens"] + sums["target_tokens"]
    return {
        "parameters": Meter.parameters,
        "updates": len(measured),
        "seconds": sums["seconds"],
        "target_tokens": sums["target_tokens"],
        "padding": 1 - real / sums["positions"],
    }


def translate(recipe: dict, work: Path, folder: Path, beams: list, pieces: int) -> dict:
    """Seconds that each beam takes for the test set, every translation being of so many pieces."""
    config = configuration(recipe, work, folder, updates=1)
    del config["data"]["dev"]
    args = parse_global_args(config, rank=0, mode="translate")
    data = dict(args.data)
    del data["train"]
    model, _, _, test = prediction.prepare(args._replace(data=data), rank=0, mode="test")
    # predict() does not hand the least length on.
    prediction.search = partial(prediction.search, min_output_length=pieces)
    seconds = {}
    for beam in beams:
        # One step more than pieces, in which the sentence may end.
        options = args.test._replace(beam_size=beam, beam_alpha=1.0, min_output_length=pieces, max_output_length=pieces + 1)
        start = time.perf_counter()
        prediction.predict(model=model, data=test, device=args.device, n_gpu=0, args=options, autocast=args.autocast)
        seconds[str(beam)] = time.perf_counter() - start
    return {"sentences": len(test), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["train", "translate"])
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--pieces", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = read_recipe(arguments.recipe)
    if arguments.mode == "train":
        shutil.rmtree(arguments.folder, ignore_errors=True)
        result = train(recipe, arguments.work, arguments.folder, arguments.warmup, arguments.updates)
    else:
        result = translate(recipe, arguments.work, arguments.folder, arguments.beams, arguments.pieces)
    result["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    arguments.result.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
