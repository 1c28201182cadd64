"""The ledger of what was emitted: turns derived facts into messages, each once, revised or retracted when they change.

A fact that is derived for the first time goes out as revision 1; another content as the next revision; one that is no longer
derived as a retraction. A settled fact waits until stream time has passed it by its settling time, and is then final.
"""

from collections.abc import Iterable
from typing import Final

from schemas.codec import Codec
from schemas.records import Action, Cause, Episode, Experience, Notification
from schemas.topics import notify_topic
from streams.engine.job import Output
from streams.experience.folding import Fact, Kind, Withdrawal
from streams.experience.ids import cause_key, content_hash
from streams.experience.state import Entry, Subject

Record = Experience | Action | Episode | Cause
TOPIC: Final = {"experience": "cx-experiences", "action": "cx-actions", "episode": "cx-episodes", "cause": "cx-causes"}
_TYPE: Final[dict[str, type[Record]]] = {"experience": Experience, "action": Action, "episode": Episode, "cause": Cause}
_NOTIFICATION_FIELDS: Final = Notification.__struct_fields__


class Ledger:
    """One subject's ledger at work. Outputs collect in `outputs`."""

    def __init__(self, subject: Subject, codec: Codec) -> None:
        self._subject = subject
        self._codec = codec
        self._entries = {(entry.kind, entry.id): entry for entry in subject.ledger}
        self.outputs: list[Output] = []

    def close(self) -> None:
        """Writes the entries back into the subject."""
        self._subject.ledger = list(self._entries.values())

    def append(self, facts: Iterable[Fact | Withdrawal]) -> None:
        """Facts derived from an input in its order."""
        for fact in facts:
            if isinstance(fact, Withdrawal):
                self._withdraw(fact.action_id)
            else:
                self._put(fact, None)

    def replace(self, facts: list[Fact | Withdrawal], base_at: int, receipts: frozenset[str]) -> None:
        """Facts derived anew from everything after `base_at`: the difference to what was derived before goes out.

        `receipts`: ids of the actions that somebody has already worked on.
        """
        derived: dict[tuple[Kind, str], Fact] = {}
        for fact in facts:
            if isinstance(fact, Withdrawal):
                derived.pop(("action", fact.action_id), None)
            else:
                derived[fact.kind, fact.id] = fact
        gone = [
            entry
            for key, entry in self._entries.items()
            if key not in derived and entry.at > base_at and entry.status != "retracted"
        ]
        moved = self._moved(gone, derived)
        journeys = {fact.record.journey for fact in derived.values() if isinstance(fact.record, Episode)}
        for entry in gone:
            if entry.id in moved.values() and entry.status == "final":
                continue  # what is out keeps its first id: the same rule and step have already reached the customer
            if entry.kind == "episode":
                self._end_episode(entry, journeys, receipts)
            else:
                self._take_back(entry)
        for fact in derived.values():
            old = self._entries.get(("action", moved.get(fact.id, "")))
            if old is None or old.status != "final":
                self._put(fact, old.id if old is not None and old.revision else None)

    def _moved(self, gone: list[Entry], derived: dict[tuple[Kind, str], Fact]) -> dict[str, str]:
        """New action id → the id that it had before its occasion was found to be another: same rule, same step."""
        left = [entry for entry in gone if entry.kind == "action"]
        moved = {}
        for key, fact in derived.items():
            if fact.kind == "action" and key not in self._entries:
                old = next((entry for entry in left if (entry.rule, entry.step) == (fact.rule, fact.step)), None)
                if old is not None:
                    left.remove(old)
                    moved[fact.id] = old.id
        return moved

    def settle(self, ticked_to: int) -> None:
        """Lets go what has waited long enough."""
        for entry in list(self._entries.values()):
            if entry.status == "pending" and entry.settle_at is not None and entry.settle_at <= ticked_to:
                self._emit(entry, self._codec.decode(entry.value, _TYPE[entry.kind]))

    def next_settle(self) -> int | None:
        """When something next may go out (µs)."""
        return min(
            (
                entry.settle_at
                for entry in self._entries.values()
                if entry.status == "pending" and entry.settle_at is not None
            ),
            default=None,
        )

    def forget(self, base_at: int, episodes: frozenset[str]) -> None:
        """Drops what can no longer change: derived up to the base, and no episode that lives on.

        An action that was taken back may be derived again later, as long as an episode lives: its revision goes on then.
        """
        for key, entry in list(self._entries.items()):
            if entry.at > base_at or entry.status == "pending" or (entry.kind == "episode" and entry.id in episodes):
                continue
            if entry.kind == "action" and entry.status == "retracted" and episodes:
                entry.value = b""
            else:
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
            entry = Entry(
                fact.kind, fact.id, fact.at, 0, digest, content, fact.rule, fact.step, fact.settle_at, "pending"
            )
            self._entries[fact.kind, fact.id] = entry
        elif entry.status == "final" or (entry.hash == digest and entry.status != "retracted"):
            entry.at = fact.at
            return
        if entry.status == "retracted":
            self._subject.sunk = [one for one in self._subject.sunk if one != (entry.rule, entry.at)]
        earlier = (
            self._codec.decode(entry.value, Action).supersedes
            if fact.kind == "action" and entry.value and entry.revision
            else None
        )
        entry.at, entry.hash, entry.value, entry.settle_at = fact.at, digest, content, fact.settle_at
        if fact.settle_at is not None and fact.settle_at > self._subject.ticked_to:
            entry.status = "pending"
            return
        if isinstance(record, Action):
            record.supersedes = supersedes or earlier
        self._emit(entry, record)

    def _emit(self, entry: Entry, record: Record) -> None:
        """The next revision goes out."""
        entry.revision += 1
        entry.status = "out" if entry.settle_at is None else "final"
        if entry.revision > 1 or (isinstance(record, Action) and record.supersedes):
            record.revision = entry.revision
            entry.value = self._codec.encode(record)
        self._send(record, entry.value)

    def _take_back(self, entry: Entry) -> None:
        """Retracts what is out; drops what is not."""
        if entry.status == "pending":
            if entry.revision:
                entry.status = "retracted"  # what went out last was its retraction
            else:
                del self._entries[entry.kind, entry.id]
            return
        if entry.status == "final":
            self._subject.sunk.append((entry.rule, entry.at))
        record = self._codec.decode(entry.value, _TYPE[entry.kind])
        entry.revision += 1
        record.revision, record.retracted = entry.revision, True
        entry.status, entry.value = "retracted", self._codec.encode(record)
        self._send(record, entry.value)

    def _end_episode(self, entry: Entry, journeys: set[str], receipts: frozenset[str]) -> None:
        """An episode is not derived any more. Where somebody has acted on it and no other takes its place, it says so."""
        record = self._codec.decode(entry.value, Episode)
        if record.journey in journeys or receipts.isdisjoint(record.actions):
            self._take_back(entry)
        elif record.state != "superseded_after_work":
            entry.revision += 1
            record.revision, record.state = entry.revision, "superseded_after_work"
            entry.value = self._codec.encode(record)
            entry.hash = content_hash(entry.value)
            self._send(record, entry.value)

    def _withdraw(self, action: str) -> None:
        entry = self._entries.get(("action", action))
        if entry is not None and entry.status != "retracted":
            self._take_back(entry)

    def _send(self, record: Record, value: bytes) -> None:
        if isinstance(record, Cause):
            self.outputs.append(Output("cx-causes", cause_key(record), value))
            return
        key = record.subject_id.encode()
        if isinstance(record, Action):
            self.outputs.append(Output("cx-actions", key, value))
            notification = Notification(**{name: getattr(record, name) for name in _NOTIFICATION_FIELDS})
            self.outputs.append(Output(notify_topic(record.audience), key, self._codec.encode(notification)))
        else:
            self.outputs.append(Output(TOPIC["episode" if isinstance(record, Episode) else "experience"], key, value))


def in_force(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that hold: out and not retracted."""
    return [entry for entry in entries if entry.status in ("out", "final")]
