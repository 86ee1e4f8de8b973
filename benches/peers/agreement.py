"""How far tools translate alike."""

from itertools import combinations


def identical(first: list, second: list) -> int:
    return sum(one == other for one, other in zip(first, second))


def differences(sources: list, translations: dict) -> list:
    """Lines of text: for each source that tools (`name: translations`) do not all translate alike, who says what."""
    lines = []
    for number, source in enumerate(sources):
        said = {}
        for name, texts in translations.items():
            said.setdefault(texts[number], []).append(name)
        if len(said) > 1:
            lines += ["", f"line {number + 1}: {source}"]
            lines += [f"  {', '.join(names)}: {text}" for text, names in said.items()]
    return lines


def check(sources: list, found: dict) -> str:
    """For translations by tool and beam: how many are identical between any two tools, and those that are not."""
    lines = []
    for beam in next(iter(found.values())):
        kind = "greedy" if beam == 1 else f"beam {beam}"
        translations = {name: texts[beam] for name, texts in found.items()}
        for first, second in combinations(translations, 2):
            same = identical(translations[first], translations[second])
            lines.append(f"{kind}: {same} of {len(sources)} identical, {first} and {second}")
        lines += [*differences(sources, translations), ""]
    return "\n".join(lines)
