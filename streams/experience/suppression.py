"""What lost, where no action won against it and no episode and no answer tells it: each customer not contacted has a reason."""

from typing import Final

from schemas.decisions import Loser, Suppression
from streams.experience.folding import Candidate, Fact, Folding
from streams.experience.spent import Spent

_SHARED: Final = [name for name in Suppression.__struct_fields__ if name in Spent.__struct_fields__]


def suppress(folding: Folding, candidate: Candidate, claim: Spent, loser: Loser) -> None:
    """Tells it, where it is about somebody who could have been reached."""
    if loser.reason == "no_customer":
        return
    record = Suppression(
        **{name: getattr(claim, name) for name in _SHARED},
        revision=1,
        subject_type=folding.subject_type,
        subject_id=folding.key,
        decided_at=claim.at,
        occasion=candidate.occasion,
        rule_version=candidate.rule.version,
        pack=candidate.pack.name,
        pack_version=candidate.pack.version,
        reason=loser.reason,
        detail=loser.detail,
    )
    folding.facts.append(Fact("suppression", claim.action_id, claim.at, record, candidate.rule.name, candidate.step))
