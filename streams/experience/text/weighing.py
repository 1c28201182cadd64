"""How much each clause counts, and what its words say together: negation, degree, contrast, questions, hypotheticals.

A clause before a "but" counts half; what is asked, or only supposed, hardly counts. A word's tone is scaled by degrees before
it and turned round by a negation that reaches it: `negated = −0.8·tone` of praise, `−0.5·tone` of blame.
"""

from typing import Final, NamedTuple

from streams.experience.text.reading import Clause, Mark

PRAISE_NEGATED: Final = -0.8
BLAME_NEGATED: Final = -0.5
REACH_LATIN: Final = 3  # words between a negation and what it turns round
REACH_HAN: Final = 4  # characters
BEFORE_TURN: Final = 0.5
BEFORE_WEAK_TURN: Final = 0.9
AFTER_TURN: Final = 1.3
AFTER_WEAK_TURN: Final = 0.7
CONCEDED: Final = 0.5
ASKED: Final = 0.15
REPROACHED: Final = 0.8
SUPPOSED: Final = 0.12
_FILLERS: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "to",
        "be",
        "so",
        "very",
        "that",
        "this",
        "as",
        "really",
        "any",
        "all",
        "at",
        "too",
        "is",
        "was",
        "it",
    ]
)
_ASKING: Final = ("吗", "么", "呢", "吧")
_WOULD: Final = frozenset(("would", "i'd", "could", "might", "we'd", "they'd", "it'd"))


class Hit(NamedTuple):
    """What a word says where it stands, with its modifiers: not yet weighed by its clause."""

    start: int
    end: int
    tone: float
    mark: Mark


def weigh(clauses: list[Clause]) -> None:
    """Sets the weight of each clause."""
    for index, clause in enumerate(clauses):
        roles = clause.roles
        if "turns" in roles and _leading(clause):
            _turn(clauses, index, weak="weak_turns" in roles)
        if "concessions" in roles:
            clause.weight *= CONCEDED
        asks = clause.asks or (bool(clause.han) and clause.han[-1].endswith(_ASKING[:1]))
        if asks:
            clause.weight *= REPROACHED if "reproaches" in roles else ASKED
            clause.inquires = "hypotheticals" in roles and "reproaches" not in roles
        elif "hypotheticals" in roles:
            clause.weight *= SUPPOSED
            _suppose(clauses, index)


def _leading(clause: Clause) -> bool:
    """Does the turn stand at the clause's beginning? (Not at its end: `nice, though`.)"""
    return any("turns" in mark.entry.roles and mark.at <= 1 for mark in clause.marks) or clause.start < clause.end


def _turn(clauses: list[Clause], index: int, *, weak: bool) -> None:
    """What stands before the turn, in its sentence or the one before, counts less; what stands after it more."""
    sentence = clauses[index].sentence
    first = index and clauses[index - 1].sentence != sentence
    for clause in clauses[:index]:
        if clause.sentence == sentence or (first and clause.sentence == sentence - 1):
            clause.weight *= BEFORE_WEAK_TURN if weak else BEFORE_TURN
    for clause in clauses[index:]:
        if clause.sentence == sentence:
            clause.weight *= AFTER_WEAK_TURN if weak else AFTER_TURN


def _suppose(clauses: list[Clause], index: int) -> None:
    """What would follow is only supposed, too: the next clause in Chinese, the one with a `would` in English."""
    sentence = clauses[index].sentence
    for place, clause in enumerate(clauses):
        if clause.sentence != sentence or place == index:
            continue
        if (clause.han and place == index + 1 and clause.han[0][0] in "就那会我也谢") or not _WOULD.isdisjoint(
            clause.latin
        ):
            clause.weight *= SUPPOSED


def hits(clause: Clause) -> list[Hit]:
    """The toned words of a clause, each with the modifiers that reach it."""
    found: list[Hit] = []
    negations: list[Mark] = []
    degrees: list[Mark] = []
    for index, mark in enumerate(clause.marks):
        entry = mark.entry
        before = clause.marks[index + 1] if index + 1 < len(clause.marks) else None
        if "negations" in entry.roles and not (entry.tone and not _reaches_any(clause, mark, index)):
            negations.append(mark)
        elif entry.degree and (not entry.tone or (before is not None and before.entry.tone and _next_to(mark, before))):
            degrees.append(mark)
        elif entry.tone and not ("final" in entry.roles and mark.end < clause.end - 1):  # a particle may follow
            found.append(_hit(clause, mark, negations, degrees))
            negations, degrees = [], []
    return found


def _reaches_any(clause: Clause, mark: Mark, index: int) -> bool:
    return any(other.entry.tone > 0 and _reaches(clause, mark, other) for other in clause.marks[index + 1 :])


def _next_to(mark: Mark, other: Mark) -> bool:
    return other.at - mark.at - mark.words <= 0


def _hit(clause: Clause, mark: Mark, negations: list[Mark], degrees: list[Mark]) -> Hit:
    tone, start = mark.entry.tone, mark.start
    for degree in degrees:
        if _reaches(clause, degree, mark, 1):
            tone, start = max(-1.5, min(1.5, tone * degree.entry.degree)), min(start, degree.start)
    reaching = [negation for negation in negations if _reaches(clause, negation, mark)]
    for _ in reaching:
        tone *= PRAISE_NEGATED if tone > 0 else BLAME_NEGATED
    if reaching:
        start = min(start, reaching[0].start)
    return Hit(start, mark.end, tone, mark)


def _reaches(clause: Clause, modifier: Mark, mark: Mark, less: int = 0) -> bool:
    """Is so little between a modifier and a word that the one belongs to the other? Fillers and degrees do not count."""
    first, last = modifier.at + modifier.words, mark.at
    if last < first:
        return False
    covered = sum(
        other.words
        for other in clause.marks
        if first <= other.at < last and (other.entry.degree or not other.entry.tone)
    )
    if mark.han:
        return last - first - covered <= REACH_HAN - 2 * less
    between = clause.latin[first:last] if len(clause.latin) >= last else []
    fillers = sum(word in _FILLERS for word in between)
    return last - first - max(covered, fillers) <= REACH_LATIN - less
