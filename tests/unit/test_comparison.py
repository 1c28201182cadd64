"""Topic against table: what counts as accounted for, and the sum that must come out."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.comparison import Counts, Difference, Name, Sent, compare

PLACE = ("cx-x", 3)


def judged(
    sent: list[Sent], rows: dict[int, set[Name]], letters: dict[int, str], *, is_input: bool = True
) -> tuple[Counts, list[Difference]]:
    counts = Counts()
    return counts, list(compare(PLACE, sent, rows, letters, counts, is_input=is_input))


def test_stored_dead_lettered_and_both() -> None:
    sent = [Sent(1, ("a", 0)), Sent(2, None), Sent(5, ("late", 0))]
    counts, found = judged(sent, {1: {("a", 0)}, 5: {("late", 0)}}, {2: "malformed", 5: "too_late"})
    assert counts == Counts(messages=3, stored=2, dead_lettered=2, both=1)
    assert counts.agree()
    assert found == []


def test_each_difference_is_named() -> None:
    sent = [Sent(1, ("a", 2)), Sent(2, ("b", 1)), Sent(3, None), Sent(4, ("d", 1))]
    rows: dict[int, set[Name]] = {2: {("b", 1), ("z", 1)}, 9: {("x", 7)}}
    counts, found = judged(sent, rows, {4: "rejected_by_sink"}, is_input=False)
    assert counts == Counts(messages=4, missing=3, different=1, unexpected=1)
    assert not counts.agree()
    assert found == [
        Difference(*PLACE, 1, "a", 2, "missing", "neither stored nor dead-lettered"),
        Difference(*PLACE, 2, "b", 1, "different", "the table has b revision 1, z revision 1"),
        Difference(*PLACE, 3, "", 0, "missing", "neither stored nor dead-lettered"),
        Difference(*PLACE, 4, "d", 1, "missing", "not stored, dead-lettered: rejected_by_sink"),
        Difference(*PLACE, 9, "x", 7, "unexpected", "a row, but no message"),
    ]


def test_an_input_that_the_database_rejected_is_accounted_for_and_an_action_is_not() -> None:
    sent, letters = [Sent(1, ("a", 1))], {1: "rejected_by_sink"}
    assert judged(sent, {}, letters, is_input=True)[0].agree()
    assert not judged(sent, {}, letters, is_input=False)[0].agree()


offsets = st.integers(0, 12)
names = st.tuples(st.sampled_from("ab"), st.integers(1, 2))


@given(
    sent=st.dictionaries(offsets, st.none() | names),
    rows=st.dictionaries(offsets, st.sets(names, min_size=1, max_size=2)),
    letters=st.dictionaries(offsets, st.just("malformed")),
    is_input=st.booleans(),
)
def test_the_sum_comes_out(
    sent: dict[int, Name | None], rows: dict[int, set[Name]], letters: dict[int, str], is_input: bool
) -> None:
    counts, found = judged([Sent(offset, sent[offset]) for offset in sorted(sent)], rows, letters, is_input=is_input)
    assert counts.messages == len(sent)
    assert counts.messages == counts.stored + counts.dead_lettered - counts.both + counts.missing + counts.different
    assert len(found) == counts.missing + counts.different + counts.unexpected
    assert counts.agree() == (not found)
    wrong = {difference.offset for difference in found}
    for offset, name in sent.items():
        stored = name is not None and rows.get(offset) == {name}
        lettered = offset in letters and offset not in rows and (is_input or name is None)
        assert (offset in wrong) == (not stored and not lettered)
    assert rows.keys() - sent.keys() <= wrong
