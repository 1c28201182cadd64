"""In which channel a customer is reached: as the rule says, as the customer has asked for, or as the customer answers.

What is learnt is the share of messages that were answered: (answers + 1) / (messages + 5), messages counted after they had
three days to be answered. A channel that was never tried has a fifth.
"""

from collections.abc import Sequence
from typing import Final

from streams.experience.pack import ActionRule
from streams.experience.spent import Spent
from streams.experience.state import Profile

ANSWER_SECONDS: Final = 3 * 86_400  # a message that is younger may still be answered
_PRIOR_ANSWERS: Final = 1
_PRIOR_MESSAGES: Final = 5


def options(
    spec: ActionRule, profile: Profile, rows: Sequence[Spent], at: int, reaches_customer: bool
) -> list[str | None]:
    """The channels to try, the best first; None: any, nobody has said which."""
    if not spec.channels:
        if spec.channel is not None or not reaches_customer:
            return [spec.channel]
        return [profile.preferred_channel or _answers_most(rows, at)]
    stated = profile.preferred_channel
    names: list[str | None] = [*spec.channels]
    return sorted(names, key=lambda name: (name != stated, -answered_share(rows, name, at), names.index(name)))


def answered_share(rows: Sequence[Spent], channel: str | None, at: int) -> float:
    """What share of the messages in a channel this customer answers, as far as known."""
    until = at - ANSWER_SECONDS * 1_000_000
    known = [
        row
        for row in rows
        if row.reaches == "customer"
        and row.channel == channel
        and not row.held
        and (row.answered_at is not None or row.at <= until)
    ]
    answered = sum(row.answered_at is not None for row in known)
    return (answered + _PRIOR_ANSWERS) / (len(known) + _PRIOR_MESSAGES)


def _answers_most(rows: Sequence[Spent], at: int) -> str | None:
    """The channel that the customer answers in, where nothing else is known."""
    tried = sorted({row.channel for row in rows if row.channel is not None and row.answered_at is not None})
    return max(tried, key=lambda name: answered_share(rows, name, at), default=None)


def agreed(profile: Profile, purpose: str, channel: str | None) -> bool:
    """Has the customer agreed? A word on the channel counts before one on all channels."""
    words = {name: granted for what, name, granted in profile.consents if what == purpose}
    if channel is not None and channel in words:
        return words[channel]
    return words.get("*", False)


def answer(rows: list[Spent], references: set[str], at: int) -> bool:
    """The customer answers to a message, or does what it asked for: marks it. True: something is new."""
    found = [row for row in rows if row.action_id in references and row.answered_at is None and row.at <= at]
    for row in found:
        row.answered_at = at
    return bool(found)
