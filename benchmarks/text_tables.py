"""Makes streams/experience/text/traditional.txt (from OpenCC, Apache-2.0) and general.tsv (from vaderSentiment, MIT).

Needs the extra `benchmarks`. Same versions, same files.
"""

import re
from importlib.metadata import version
from pathlib import Path

from opencc import OpenCC
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

FOLDER = Path(__file__).parent.parent / "streams" / "experience" / "text"
STRONGEST = 3.4  # of vaderSentiment's ratings, −4 to 4: counts as 1
LEAST = 0.8  # weaker words say too little
ROW = 40
_WORD = re.compile(r"[a-z]{3,}(?:['-][a-z]+)*")


def main() -> None:
    """Writes both."""
    convert = OpenCC("t2s").convert
    found = [(sign, convert(sign)) for sign in map(chr, range(0x3400, 0xA000))]
    pairs = [before + after for before, after in found if before != after and len(after) == 1]
    rows = ["".join(pairs[start : start + ROW]) for start in range(0, len(pairs), ROW)]
    head = f"# Traditional and simplified character in turn. Made by benchmarks/text_tables.py from OpenCC {version('opencc')}, Apache-2.0."
    (FOLDER / "traditional.txt").write_text("\n".join([head, *rows, ""]), encoding="utf-8")

    words = sorted(SentimentIntensityAnalyzer().lexicon.items())
    kept = [(word, tone) for word, tone in words if _WORD.fullmatch(word) and abs(tone) >= LEAST]
    head = f"# Word and tone. Made by benchmarks/text_tables.py from vaderSentiment {version('vaderSentiment')}, MIT, © 2016 C.J. Hutto."
    lines = [f"{word}\t{max(-1.0, min(1.0, tone / STRONGEST)):.2f}" for word, tone in kept]
    (FOLDER / "general.tsv").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
