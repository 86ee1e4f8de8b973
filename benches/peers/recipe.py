"""Reads Targum's recipes, so that the peer's sizes come from the same lines."""

from pathlib import Path

try:
    import tomllib
except ImportError:  # before Python 3.11
    import tomli as tomllib


def read_recipe(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))
