"""Praise that may be meant the other way round. Nobody can tell for certain, so such a text is marked unsure."""

from typing import Final

from streams.experience.text.opinions import Said

PRAISE_MOST: Final = 4  # words of a clause that is nothing but praise: "Great, another delay"
REMARK_MOST: Final = 3  # words
_REMARKS: Final = frozenset(
    [
        "classy",
        "genius",
        "brilliant",
        "bravo",
        "lovely",
        "wonderful",
        "fantastic",
        "amazing",
        "impressive",
        "perfect",
        "professional",
        "done",
        "job",
        "one",
    ]
)
_AGAIN: Final = ("又", "再次", "again", "another", "still")


def sarcastic(said: list[Said]) -> bool:
    """Does something in the text hint at it?"""
    blamed = any(one.listed < -0.2 for one in said)
    praised = any(hit.tone > 0.2 for one in said for hit in one.hits)
    for index, one in enumerate(said):
        roles = one.clause.roles
        if "sarcasm" in roles:
            return True
        if "praise" in roles and blamed and index + 1 < len(said) and _again_bad(one, said[index + 1]):
            return True
        if one.clause.doubtful and praised and (not blamed or one.listed > 0):
            return True
        if index + 1 < len(said) and _bare_praise(one) and _again_bad(one, said[index + 1]):
            return True
        if index and _exclaimed(one) and _again_bad(one, said[index - 1]):
            return True
        if (
            index
            and blamed
            and _remark(one)
            and not any(hit.tone > 0.2 for other in said[:index] for hit in other.hits)
        ):
            return True
        if blamed and any(hit.mark.quoted and hit.tone > 0.2 for hit in one.hits):
            return True
    return False


def _bare_praise(one: Said) -> bool:
    length = len(one.clause.latin) + sum(len(run) for run in one.clause.han)
    return one.listed > 0.2 and length <= PRAISE_MOST + 2 * bool(one.clause.han)


def _remark(one: Said) -> bool:
    """Classy. Well done. After nothing but bad news."""
    words = one.clause.latin
    return 0 < len(words) <= REMARK_MOST and not one.clause.han and words[-1] in _REMARKS


def _exclaimed(one: Said) -> bool:
    """真是准时啊, after the bad news."""
    return (
        _bare_praise(one)
        and "turns" not in one.clause.roles
        and bool(one.clause.han)
        and one.clause.han[0][0] in "真可"
    )


def _again_bad(one: Said, following: Said) -> bool:
    """Bad news after praise without a "but" between them, again."""
    if "turns" in following.clause.roles:
        return False
    words = [*following.clause.latin, *following.clause.han]
    again = any(word in _AGAIN or any(cue in word for cue in _AGAIN[:2]) for word in words)
    return again and following.listed < 0
