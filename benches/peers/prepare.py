"""Lays out Multi30k as plain text, and trains the peer's joint vocabulary on it."""

import gzip
from pathlib import Path

import sentencepiece

from measure import ROOT

# Name here, and the names the source folder may have it under.
SPLITS = {
    "train": ["train"],
    "validation": ["validation", "val"],
    "test_2016_flickr": ["test_2016_flickr"],
}
LANGUAGES = ["en", "de"]
FOLDERS = [ROOT / "data" / "multi30k", ROOT.parent / "shared" / "data" / "multi30k"]


def multi30k() -> Path:
    """The folder that has it, or None."""
    return next((folder for folder in FOLDERS if folder.is_dir()), None)


def find(folder: Path, names: list, language: str) -> Path:
    candidates = [folder / f"{name}.{language}{packed}" for name in names for packed in ("", ".gz")]
    for path in candidates:
        if path.is_file():
            return path
    raise SystemExit(f"{folder}: none of {', '.join(path.name for path in candidates)}; run `target/release/targum data multi30k`")


def lay_out(folder: Path, out: Path) -> None:
    """Writes `out/SPLIT.LANGUAGE`."""
    out.mkdir(parents=True, exist_ok=True)
    for split, names in SPLITS.items():
        for language in LANGUAGES:
            path = find(folder, names, language)
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            destination = out / f"{split}.{language}"
            # An untouched file keeps its time, and whatever was built from it.
            if not destination.is_file() or destination.read_bytes() != text:
                destination.write_bytes(text)


def read_lines(path: Path) -> list:
    """Lines that end where Targum ends them: at line feeds alone."""
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


def train_vocabulary(work: Path, size: int, lowercase: bool) -> None:
    """Writes `sentencepiece.model` and `vocabulary.txt` with `size` entries, the four special ones included."""
    stamp = work / "vocabulary.size"
    label = f"{size} {lowercase}"
    if stamp.is_file() and stamp.read_text() == label:
        return
    lines = []
    for language in LANGUAGES:
        lines += (work / "data" / f"train.{language}").read_text(encoding="utf-8").splitlines()
    if lowercase:
        lines = [line.lower() for line in lines]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(work / "sentencepiece"),
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        unk_id=0,
        pad_id=1,
        bos_id=2,
        eos_id=3,
        minloglevel=1,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(work / "sentencepiece.model"))
    # JoeyNMT puts the special ones first by itself.
    pieces = [model.id_to_piece(number) for number in range(4, model.get_piece_size())]
    (work / "vocabulary.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    stamp.write_text(label)


def pieces_per_sentence(work: Path, language: str) -> float:
    """Mean target tokens of a training sentence in the peer's vocabulary, end of sentence included."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(work / "sentencepiece.model"))
    lines = (work / "data" / f"train.{language}").read_text(encoding="utf-8").splitlines()
    return sum(len(pieces) + 1 for pieces in model.encode([line.lower() for line in lines])) / len(lines)
