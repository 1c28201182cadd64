"""What a clause says beyond its listed words: weights of word pairs and character sequences, learnt from labelled reviews.

learned.tsv is made by benchmarks/text_learn.py. A weight is a share of the log-odds of praise against blame.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from streams.experience.text.reading import Clause

_DATA: Final = Path(__file__).parent / "learned.tsv"
_NEGATING: Final = frozenset(
    [
        "not",
        "no",
        "never",
        "nothing",
        "nobody",
        "hardly",
        "barely",
        "without",
        "cannot",
        "cant",
        "dont",
        "doesnt",
        "didnt",
        "isnt",
        "wasnt",
        "wont",
    ]
)
_REACH: Final = 4


class Learned(NamedTuple):
    """`listed`: what one unit of listed tone adds to the log-odds, by script. `grams`: what each feature adds."""

    listed: dict[str, float]
    grams: dict[str, float]


@cache
def learned() -> Learned:
    """The weights of this version."""
    found = Learned({}, {})
    for row in _DATA.read_text(encoding="utf-8").splitlines():
        if row.startswith("#"):
            continue
        name, _, hundredths = row.rpartition("\t")
        weight = int(hundredths) / 100
        kind, _, script = name.partition("\t")
        if kind == "listed" and script:
            found.listed[script] = weight
        else:
            found.grams[name] = weight
    return found


def grams(clause: Clause) -> list[str]:
    """The features of a clause: words and pairs of words, negated ones marked; runs of one to three Chinese characters."""
    features = []
    if clause.latin:
        features = _latin(clause.latin)
    for run in clause.han:
        features += run
        features += [run[place : place + 2] for place in range(len(run) - 1)]
        features += [run[place : place + 3] for place in range(len(run) - 2)]
    return features


def _latin(words: list[str]) -> list[str]:
    marked, left = [], 0
    for word in words:
        if word in _NEGATING or word.endswith("n't"):
            left = _REACH
            marked.append(word)
        else:
            marked.append("!" + word if left > 0 else word)
            left -= 1
    return marked + [f"{first} {second}" for first, second in pairwise(marked)]
