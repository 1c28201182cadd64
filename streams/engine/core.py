"""One task without Kafka: messages in, whole inner batches through the job, effects out. Pure but for what the job is given.

Work is done in pieces of about 100 steps, in this order: controls, refolding, ticks, inputs. A piece either happens whole or,
when something is unavailable, not at all, and is tried again.
"""

from collections.abc import Callable, Sequence

from streams.engine import failpoints
from streams.engine.align import UNDATED, Aligner, Run
from streams.engine.breaker import Breaker
from streams.engine.clock import SourceClock, StreamClock
from streams.engine.controls import ControlReader
from streams.engine.decoding import Decoder, Item, RawMessage, Refusal
from streams.engine.effects import Effects, Gathered
from streams.engine.grouping import Taken, group
from streams.engine.job import AnyJob, Refold, Rejected, Tick
from streams.engine.ledger import Ledger
from streams.engine.limits import Limits
from streams.engine.marks import MarkSender
from streams.engine.piece import Piece, Refolding
from streams.engine.record import TaskRecord, encode
from streams.engine.store import Store
from streams.engine.timers import WakeUps
from streams.errors import DeadLetterReason

INNER_BATCH = 100
_NOT_A_FAULT = (DeadLetterReason.TOO_LATE, DeadLetterReason.CONTROL_TOO_LATE)


class TaskCore:
    """`topic_on_cluster` and `partitions` answer for every topic of the job; `partitions` is that of the inputs."""

    def __init__(
        self,
        job: AnyJob,
        partition: int,
        partitions: int,
        limits: Limits,
        topic_on_cluster: Callable[[str], str],
        store: Store | None = None,
    ) -> None:
        self.job = job
        self.partition = partition
        self.where = f"{job.name}/{partition}"
        self.store = Store() if store is None else store
        self.timers = WakeUps()
        for key, due_at in self.store.wake_ups():
            self.timers.set(key, due_at)
        self.clock = StreamClock(len(job.inputs))
        self.sources = SourceClock() if job.stream_time_from else None
        self.controls = ControlReader(job, partition)
        self.ledger = Ledger({})
        self.topics: dict[str, str] = {}
        self._partitions = partitions
        self._on_cluster = topic_on_cluster
        self._decoder = Decoder(job, partition, partitions, limits.future_us, self.store.held)
        self._breaker = Breaker(self.where, limits.breaker_in_a_row, limits.breaker_share)
        self.aligner: Aligner[RawMessage, Item] = Aligner(len(job.inputs), self._decoder.decode, limits.align_wait_us)
        self._controls_wait_us = limits.align_wait_us
        self._piece: Piece | None = None
        self._refold: Refolding | None = None
        self._gathered = Gathered()
        self._marks = MarkSender(job.stream_time_to, partition, partitions)

    # --- in -----------------------------------------------------------------------------------------------------

    def restore(self, record: TaskRecord | None) -> None:
        """Go on from a task record; states and wake-ups are loaded one by one with `load`."""
        if record is None:
            return
        self.clock.restore(record.stream_time, record.largest_at, record.last_event_at)
        if self.sources is not None:
            self.sources.restore(record.stream_time, record.sources, record.sources_expected)
        self.controls.restore(record.controls_next, record.refused_controls)

    def load(self, key: bytes, state: bytes | None, due_at: int | None) -> None:
        """A state as the changelog has it."""
        self.store.load(key, state, due_at)
        self.timers.set(key, due_at)

    def start(self, offsets: dict[str, int]) -> None:
        """Process from these offsets on."""
        self.ledger = Ledger(offsets)

    def add(self, topic: str, messages: Sequence[RawMessage], size_bytes: int) -> None:
        """Messages of an input or of the broadcast topic, in order of offset."""
        if topic == self.job.broadcast:
            self.controls.add(messages)
        else:
            self.aligner.add(self.job.inputs.index(topic), messages, size_bytes)

    def reaches(self, topic: str, position: int, end: int | None) -> None:
        """The topic's partition is fetched up to `position` and ends at `end`."""
        if topic == self.job.broadcast:
            self.controls.reaches(position, end)
        else:
            self.aligner.reaches(self.job.inputs.index(topic), position, end)

    # --- work ---------------------------------------------------------------------------------------------------

    def work(self, now: int) -> bool:
        """Do one piece at wall clock `now` (µs). False: nothing to do. Raises Unavailable (nothing of the piece happened)."""
        self._decoder.now = now
        if self.controls.pending():
            # Also before a piece that is held: what it waits for may be this control.
            self._apply_control()
            return True
        if self._refold is not None:
            self._run(self._refold_piece())
            return True
        if self._piece is None:
            self._piece = self._next_piece(now)
        if self._piece is None:
            return False
        self._run(self._piece)
        self._piece = None
        return True

    @property
    def stream_time(self) -> int | None:
        """How far event time has come, µs."""
        return self.clock.time if self.sources is None else self.sources.time

    def _next_piece(self, now: int) -> Piece | None:
        if not self.controls.ready(now, self._controls_wait_us):
            return None
        if self.sources is None:
            self.clock.advance(self.aligner.lagging(), now)
        time = self.stream_time
        if time is not None:
            due = self.timers.due(time, INNER_BATCH)
            if due:
                return self._tick_piece(due)
        runs = self.aligner.take(INNER_BATCH, now)
        if runs:
            return self._input_piece(runs)
        self._pass_markers()
        return None

    def _pass_markers(self) -> None:
        """Transactions leave markers in a topic: offsets without a message, which would look like lag for ever."""
        for topic, buffer in zip(self.job.inputs, self.aligner.inputs, strict=True):
            if not buffer.lags() and buffer.position is not None:
                self.ledger.passed(topic, buffer.position)
        self.controls.pass_markers()

    def _run(self, piece: Piece) -> None:
        step, get, controls = self.job.step, self.store.get, self.controls.value
        done = [(key, step(key, get(key), inputs, controls)) for key, inputs in piece.steps]
        # From here on nothing of the job runs: the piece happens whole.
        outputs, put, wake, waiting = self._gathered.outputs, self.store.put, self.timers.set, self.timers.waiting
        before = len(outputs)
        rejected: list[Rejected] = []
        for key, result in done:
            put(key, result.state)
            due_at = result.next_due_at if result.state is not None else None
            if due_at is not None or key in waiting:
                wake(key, due_at)
            if result.outputs:
                outputs.extend(result.outputs)
            if result.rejected:
                rejected.extend(result.rejected)
        if len(outputs) > before:
            self._gathered.told(before)
            if piece.arrived_at:
                self._gathered.arrivals.append(piece.arrived_at)
        if rejected:
            self._breaker.record([each.reason in _NOT_A_FAULT for each in rejected])
            for each in rejected:
                self._refuse(Refusal(each.message, each.reason, each.detail))
        piece.finish()

    def _refuse(self, refusal: Refusal) -> None:
        self._gathered.refuse(refusal, self._on_cluster(refusal.message.topic), self.job.name)

    # --- kinds of pieces ----------------------------------------------------------------------------------------

    def _input_piece(self, runs: list[Run[Item]]) -> Piece:
        grouped = group(runs)

        def finish() -> None:
            if grouped.refused:
                self._breaker.record(grouped.outcomes)
                for refusal in grouped.refused:
                    self._refuse(refusal)
            else:
                self._breaker.all_valid(grouped.valid)
            for taken in grouped.taken:
                self._note(taken)
            failpoints.hit("after_step")

        return Piece(grouped.steps, finish, max(taken.arrived_at for taken in grouped.taken))

    def _note(self, taken: Taken) -> None:
        topic = self.job.inputs[taken.number]
        if taken.newest_at != UNDATED:
            self.clock.saw(taken.number, taken.newest_at, taken.arrived_at)
        if self.sources is not None and topic == self.job.stream_time_from:
            for mark in taken.marks:
                self.sources.mark(mark.source, mark.expected, mark.time)
        self.ledger.processed(topic, taken.last_offset)
        self._gathered.took(topic, taken.messages)

    def _tick_piece(self, due: list[tuple[int, bytes]]) -> Piece:
        def finish() -> None:
            for due_at, key in due:
                again = self.timers.due_of(key)
                if again is not None and again <= due_at:
                    raise ValueError(f"{self.where}: woken for {due_at}, a key asks to be woken at {again} again")
            self._gathered.timers_fired += len(due)
            failpoints.hit("after_tick")

        return Piece([(key, (Tick(due_at),)) for due_at, key in due], finish)

    def _apply_control(self) -> None:
        concerned = self.controls.apply(self._furthest())
        if concerned is not None:
            self._refold = self._refolding(*concerned, self._refold)
        self._settle_controls()

    def _refolding(self, since_at: int, keys: Sequence[bytes] | None, begun: Refolding | None) -> Refolding | None:
        """What a control concerns, and what is left of what was begun for those before it."""
        if keys is None:
            since_at = since_at if begun is None else min(since_at, begun.since_at)
            return Refolding(since_at, self.store.parts(INNER_BATCH), (), INNER_BATCH)
        known = [key for key in keys if self.store.get(key) is not None]
        if begun is not None:
            begun.add(since_at, known)
            return begun
        return Refolding(since_at, iter(()), known, INNER_BATCH) if known else None

    def _furthest(self) -> int | None:
        """Stream time, or the newest event that was processed if that is ahead: what a control can come too late for."""
        known = [each for each in (self.stream_time, self.clock.largest) if each is not None]
        return max(known) if known else None

    def _refold_piece(self) -> Piece:
        refold = self._refold
        assert refold is not None

        def finish() -> None:
            failpoints.hit("while_refolding")
            if not refold.next():
                self._refold = None
            self._settle_controls()

        return Piece([(key, (Refold(refold.since_at),)) for key in refold.part], finish)

    def _settle_controls(self) -> None:
        """A control counts as read once all keys are refolded: until then a restart must read it again."""
        if self._refold is None and not self.controls.pending():
            for refusal in self.controls.settle():
                self._refuse(refusal)

    # --- out ----------------------------------------------------------------------------------------------------

    @property
    def outputs_wait(self) -> bool:
        """Is there an output that nobody can see yet?"""
        return bool(self._gathered.outputs)

    @property
    def urgent(self) -> bool:
        """Does somebody wait for one of them?"""
        return self._gathered.urgent

    def inputs_taken(self) -> int:
        """Messages processed since the last transaction."""
        return sum(self._gathered.inputs.values())

    def has_effects(self) -> bool:
        """Is there anything to commit?"""
        return self.outputs_wait or self.store.changed > 0 or self.ledger.changed or self.controls.changed

    def mark_due(self, now: int) -> bool:
        """Must the downstream job be told how far this one has come?"""
        idle = self._piece is None and not any(self.aligner.lagging())
        return self._marks.due(now, self.stream_time, idle)

    def take_effects(self, now: int) -> Effects:
        """What happened since the last time. The caller must commit it or restart the task from its committed state."""
        if self.mark_due(now):
            self._gathered.outputs.append(self._marks.message(now, self.stream_time))
        gathered, self._gathered = self._gathered, Gathered()
        record = self._record()
        changes = self.store.take_changes(self.timers.due_of)
        offsets = self.ledger.take_changes()
        if self.job.broadcast is not None:  # for those who watch lag; the task record is what counts
            offsets[self.job.broadcast] = record.controls_next
        return Effects(
            gathered.outputs,
            changes,
            encode(record),
            offsets,
            gathered.inputs,
            gathered.dead_letters,
            gathered.arrivals,
            gathered.timers_fired,
        )

    def _record(self) -> TaskRecord:
        controls_next, refused = self.controls.take_position()
        return TaskRecord(
            topics=self.topics,
            stream_time=self.stream_time,
            largest_at=self.clock.largest,
            last_event_at=self.clock.last_event_at,
            controls_next=controls_next,
            refused_controls=refused,
            sources=self.sources.sources if self.sources else {},
            sources_expected=self.sources.expected if self.sources else None,
        )

    def lag(self) -> dict[str, int]:
        """Topic → messages that are not processed, as far as is known (offsets, so transaction markers count too)."""
        return {
            topic: max(0, buffer.end - self.ledger.next_offset(topic))
            for topic, buffer in zip(self.job.inputs, self.aligner.inputs, strict=True)
            if buffer.end is not None
        }

    @property
    def held_arrived_at(self) -> int:
        """Arrival (wall clock, µs) of what a piece took that has not happened yet; 0: there is none."""
        return 0 if self._piece is None else self._piece.arrived_at

    def next_wake_at(self) -> int | None:
        """Wall clock at which there may be work although no message comes; None: not before one does."""
        candidates = [self.aligner.held_until(), self.controls.held_until(self._controls_wait_us)]
        due_at = self.timers.next_due_at()
        if due_at is not None and self.sources is None and not any(self.aligner.lagging()):
            candidates.append(self.clock.wall_of(due_at))
        known = [each for each in candidates if each is not None]
        return min(known) if known else None
