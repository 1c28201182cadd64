"""The ledger of what was emitted: turns derived facts into messages, each once, revised or retracted when they change.

A fact that is derived for the first time goes out as revision 1; another content as the next revision; one that is no longer
derived as a retraction. A settled fact waits until stream time has passed it by its settling time, and is then final.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from schemas.codec import Codec
from schemas.decisions import Action, Cause, Claim, Episode, Experience, Holdout, Notification, Suppression
from schemas.topics import notify_topic
from streams.engine.job import Output
from streams.experience.folding import Fact, Kind, Withdrawal
from streams.experience.ids import cause_key, content_hash
from streams.experience.moved import DECIDED, moved
from streams.experience.spent import spent_of
from streams.experience.state import Entry, Subject, dump_ledger, load_ledger

Record = Experience | Action | Episode | Cause | Holdout | Suppression
_TOPIC: Final[dict[type[Record], str]] = {
    Experience: "cx-experiences",
    Action: "cx-actions",
    Episode: "cx-episodes",
    Holdout: "cx-holdouts",
    Suppression: "cx-suppressions",
}
_TYPE: Final[dict[str, type[Record]]] = {
    "experience": Experience,
    "action": Action,
    "episode": Episode,
    "cause": Cause,
    "holdout": Holdout,
    "suppression": Suppression,
}
_WAITING: Final[tuple[Kind, ...]] = ("action", "holdout")  # what an episode withdraws before it is out
RETRACTED_SECONDS: Final = 31 * 86_400
RETRACTED_MAX: Final = 64


class Ledger:
    """One subject's ledger at work. Outputs collect in `outputs`."""

    def __init__(self, subject: Subject, codec: Codec) -> None:
        self._subject = subject
        self._codec = codec
        self._entries = {(entry.kind, entry.id): entry for entry in load_ledger(subject.ledger)}
        self.outputs: list[Output] = []

    def close(self) -> None:
        """Writes the entries back into the subject."""
        self._subject.ledger = dump_ledger(list(self._entries.values()))
        self._subject.settle_at = self._next_settle()

    def append(self, facts: Iterable[Fact | Withdrawal]) -> None:
        """Facts derived from an input in its order."""
        for fact in facts:
            if isinstance(fact, Withdrawal):
                self._withdraw(fact.action_id)
            else:
                self._put(fact, None)

    def replace(
        self, facts: list[Fact | Withdrawal], base_at: int, waiting: Sequence[str], receipts: frozenset[str]
    ) -> dict[str, str]:
        """Facts derived anew from everything after `base_at`: the difference to what was derived before goes out.

        `waiting`: ids of the settled actions that the base has left to be withdrawn or not. `receipts`: ids of the actions
        that somebody has already worked on. Gives the ids under which settled actions that are out stay out, by the id
        that they would have now.
        """
        derived: dict[tuple[Kind, str], Fact] = {}
        withdrawn = set()
        for fact in facts:
            if isinstance(fact, Withdrawal):
                for kind in _WAITING:
                    derived.pop((kind, fact.action_id), None)
                withdrawn.add(fact.action_id)
            else:
                derived[fact.kind, fact.id] = fact
        before = moved(self._entries, derived, base_at, self._codec)
        kept = {new: old.id for new, old in before.items() if old.settle_at is not None and old.revision}
        for new, old in before.items():
            if new in kept:
                self._keep(old, derived.pop((old.kind, new)))
        for key in [key for key, fact in derived.items() if kept and fact.kind == "cause" and fact.step in kept]:
            del derived[key]  # what a message that stays out has claimed is claimed under its first id
        gone = [
            entry
            for key, entry in self._entries.items()
            if key not in derived
            and entry.at > base_at
            and entry.status != "retracted"
            and entry.id not in kept.values()
            and not (entry.kind == "cause" and entry.step and self._is_spent(entry, derived))
        ]
        self._retract(gone, derived, receipts, {one.id for one in before.values()})
        for name in waiting:
            if name in withdrawn:
                self._withdraw(name)
            elif (entry := self._waiting(name)) is not None and entry.status == "retracted":
                self._restore(entry)
        for fact in derived.values():
            if isinstance(fact.record, Episode) and kept:
                fact.record.actions = [kept.get(one, one) for one in fact.record.actions]
            old_one = before.get(fact.id)
            self._put(fact, old_one.id if old_one is not None and old_one.revision else None)
        return kept

    def _is_spent(self, claim: Entry, derived: Mapping[tuple[Kind, str], Fact]) -> bool:
        """Has the settled action that claims gone out? Then it stays spent, unless the same is claimed at another place now."""
        action = self._entries.get(("action", claim.step))
        if action is None or action.settle_at is None or not action.revision:
            return False
        spent = self._codec.decode(claim.value, Cause).claim
        now = (one.record.claim for one in derived.values() if isinstance(one.record, Cause) and one.step == claim.step)
        return spent is None or not any(one is not None and _account(one) == _account(spent) for one in now)

    def _keep(self, entry: Entry, fact: Fact) -> None:
        """A message that is out stays out under its first id, as what is derived now; one that was taken back holds again."""
        if entry.status == "retracted":
            self._restore(entry)
        entry.at = fact.at

    def _restore(self, entry: Entry) -> None:
        """A settled action that was taken back holds again as it was."""
        self._not_sunk(entry)
        record = self._codec.decode(entry.value, _TYPE[entry.kind])
        record.retracted = False
        entry.value = self._codec.encode(record)
        if entry.settle_at is not None and entry.settle_at > self._subject.ticked_to:
            entry.status = "pending"
        else:
            self._emit(entry, record)

    def _retract(
        self, gone: list[Entry], derived: Mapping[tuple[Kind, str], Fact], receipts: frozenset[str], replaced: set[str]
    ) -> None:
        if not gone:
            return
        journeys = {fact.record.journey for fact in derived.values() if isinstance(fact.record, Episode)}
        worked = self._worked(receipts)
        for entry in gone:
            if entry.kind == "episode":
                self._end_episode(entry, journeys, worked, replaced)
            else:
                self._take_back(entry)

    def _worked(self, receipts: frozenset[str]) -> set[str]:
        """The actions that receipts are about, and those that have superseded them."""
        worked = set(receipts)
        for entry in self._entries.values() if receipts else ():
            about = entry.kind == "action" and entry.value
            if about and self._codec.decode(entry.value, Action).supersedes in worked:
                worked.add(entry.id)
        return worked

    def settle(self, ticked_to: int) -> None:
        """Lets go what has waited long enough."""
        for entry in list(self._entries.values()):
            if entry.status == "pending" and entry.settle_at is not None and entry.settle_at <= ticked_to:
                self._emit(entry, self._codec.decode(entry.value, _TYPE[entry.kind]))

    def _next_settle(self) -> int:
        waiting = [entry.settle_at or 0 for entry in self._entries.values() if entry.status == "pending"]
        return min(waiting, default=0)

    def forget(self, base_at: int, episodes: frozenset[str]) -> None:
        """Drops what can no longer change: derived up to the base, and no episode that lives on.

        What was taken back may be derived again later (an action while its episode lives, an episode when a promise of its
        opening event is broken): its revision goes on then, so that much is remembered for a while.
        """
        oldest = base_at - RETRACTED_SECONDS * 1_000_000
        retracted = []
        for key, entry in list(self._entries.items()):
            if entry.at > base_at or entry.status == "pending" or (entry.settle_at or 0) > base_at:
                continue
            if entry.kind == "episode" and entry.id in episodes:
                continue
            if entry.status == "retracted" and entry.revision and (entry.at > oldest or entry.episode in episodes):
                entry.value = b""
                retracted.append(key)
            else:
                del self._entries[key]
        for key in retracted[:-RETRACTED_MAX]:
            del self._entries[key]

    def episodes_after(self, base_at: int) -> list[str]:
        """Ids of the episodes that have changed after the base."""
        return [entry.id for entry in self._entries.values() if entry.kind == "episode" and entry.at > base_at]

    def _put(self, fact: Fact, supersedes: str | None) -> None:
        record = fact.record
        content = self._codec.encode(record)
        digest = content_hash(content)
        entry = self._entries.get((fact.kind, fact.id))
        if entry is None:
            entry = self._entry(fact, digest, content)
            self._entries[fact.kind, fact.id] = entry
        elif entry.status == "final" or (entry.hash == digest and entry.status != "retracted"):
            entry.at = fact.at
            return
        if entry.status == "retracted":
            self._not_sunk(entry)
        if isinstance(record, Action) and supersedes is None and entry.value and entry.revision:
            supersedes = self._codec.decode(entry.value, Action).supersedes
        entry.at, entry.hash, entry.value, entry.settle_at = fact.at, digest, content, fact.settle_at
        if fact.settle_at is not None and fact.settle_at > self._subject.ticked_to:
            entry.status = "pending"
            return
        if isinstance(record, Action):
            record.supersedes = supersedes
        self._emit(entry, record)

    @staticmethod
    def _entry(fact: Fact, digest: bytes, content: bytes) -> Entry:
        episode = fact.record.episode_id or "" if isinstance(fact.record, DECIDED) else ""
        return Entry(
            fact.kind, fact.id, fact.at, 0, digest, content, fact.rule, fact.step, fact.settle_at, "pending", episode
        )

    def _emit(self, entry: Entry, record: Record) -> None:
        """What was derived goes out."""
        entry.status = "out" if entry.settle_at is None else "final"
        if entry.revision == 0 and not (isinstance(record, Action) and record.supersedes):
            entry.revision = 1
            self._send(record, entry.value)
        else:
            self._next_revision(entry, record)

    def _next_revision(self, entry: Entry, record: Record) -> None:
        entry.revision += 1
        record.revision = entry.revision
        entry.value = self._codec.encode(record)
        self._send(record, entry.value)

    def _take_back(self, entry: Entry) -> None:
        """Retracts what is out; drops what is not."""
        if entry.status == "pending":
            entry.status = "retracted"  # nothing is out, or what went out last was its retraction
            return
        record = self._codec.decode(entry.value, _TYPE[entry.kind])
        if entry.status == "final" and isinstance(record, DECIDED):
            self._subject.sunk.append(spent_of(record, entry.rule, entry.at))
        record.retracted = True
        entry.status = "retracted"
        self._next_revision(entry, record)

    def _not_sunk(self, entry: Entry) -> None:
        """What is derived again counts by itself."""
        self._subject.sunk = [one for one in self._subject.sunk if (one.rule, one.at) != (entry.rule, entry.at)]

    def _end_episode(self, entry: Entry, journeys: set[str], worked: set[str], replaced: set[str]) -> None:
        """An episode is not derived any more. Where somebody has acted on it and no other takes its place, it says so."""
        record = self._codec.decode(entry.value, Episode)
        taken_over = record.journey in journeys or not replaced.isdisjoint(record.actions)
        if taken_over or worked.isdisjoint(record.actions):
            self._take_back(entry)
        elif record.state != "superseded_after_work":
            record.state = "superseded_after_work"
            self._next_revision(entry, record)
            entry.hash = content_hash(entry.value)

    def _withdraw(self, action: str) -> None:
        entry = self._waiting(action)
        if entry is not None and entry.status != "retracted":
            self._take_back(entry)

    def _waiting(self, action: str) -> Entry | None:
        """The action, or what a held-out customer would have got; where it has been both, the one that holds."""
        found = [entry for kind in _WAITING if (entry := self._entries.get((kind, action))) is not None]
        return min(found, key=lambda entry: entry.status == "retracted", default=None)

    def _send(self, record: Record, value: bytes) -> None:
        if isinstance(record, Cause):
            claims = record.claim is not None  # the sooner it is counted, the less goes beyond a limit
            self.outputs.append(Output("cx-causes", cause_key(record), value, urgent=claims))
            return
        key = record.subject_id.encode()
        if isinstance(record, Action):
            at_once = record.emit == "now" and record.revision == 1 and not record.retracted
            caused_at = record.decided_at if at_once else 0
            self.outputs.append(Output("cx-actions", key, value, urgent=True, caused_at=caused_at))
            notification = self._codec.encode(record, Notification)
            self.outputs.append(Output(notify_topic(record.audience), key, notification, urgent=True))
        else:
            self.outputs.append(Output(_TOPIC[type(record)], key, value))


def _account(claim: Claim) -> tuple[str, str, int]:
    """What a claim is counted in."""
    return claim.limit, claim.group, claim.begins_at


def in_force(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that hold: out and not retracted."""
    return [entry for entry in entries if entry.status in ("out", "final")]
