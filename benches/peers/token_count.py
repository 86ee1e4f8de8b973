"""Counts tokens as Targum does."""

from pathlib import Path

from tokenizers import Tokenizer


def targum_tokens(folder: Path, text: Path) -> float:
    """Mean tokens of a line by the tokenizer of a run folder, end of sentence included."""
    # Any checkpoint will do; links such as `last` lead to the same file.
    paths = sorted(folder.rglob("tokenizer.json"))
    if not paths:
        raise SystemExit(f"{folder}: no tokenizer.json in this run folder")
    tokenizer = Tokenizer.from_file(str(paths[0]))
    lines = text.read_text(encoding="utf-8").splitlines()
    return sum(len(encoding.ids) + 1 for encoding in tokenizer.encode_batch(lines)) / len(lines)
