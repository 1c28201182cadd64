"""A run: `Simulation(plan)` is an iterator of happenings in order of arrival; `truth()` tells what really happened.

Lazy: what it holds grows with the number of customers, not with the length of the run.
"""

from collections import deque
from collections.abc import Generator, Iterator
from heapq import heappop, heappush
from typing import Final

from schemas.codec import Codec
from schemas.decisions import Action
from streams.simulate import coached, company, line, shop, workshop
from streams.simulate.faults import TOPICS, Faults, Happening, tell_fault
from streams.simulate.mood import end_spell, fade
from streams.simulate.plan import US_PER_SECOND, Plan
from streams.simulate.recovery import follow_up
from streams.simulate.staff import Staff
from streams.simulate.truth import Line, Truth, when
from streams.simulate.world import Step, World

_VISITS: Final[dict[str, Step]] = {
    "retail": shop.visit,
    "airline": shop.visit,
    "automotive": workshop.visit,
    "telecom": line.visit,
}


class Simulation:
    """One run, to be iterated once. Only `take` may be called from another thread."""

    def __init__(self, plan: Plan, codec: Codec | None = None) -> None:
        """`codec`: that of the cluster which gets the broken messages."""
        self.plan = plan
        self.company = company.found(plan)
        self._truth = Truth()
        self._world = World(plan, self.company, self._truth, _VISITS[plan.company])
        self._faults = Faults(plan, codec or Codec())
        self._staff = Staff(plan.seed)
        self._actions: deque[Action] = deque()
        self._outbox: list[tuple[int, int, Happening]] = []
        self._sent = 0  # and what waits in the outbox
        self._finished = False
        self._happenings = self._run()

    def __iter__(self) -> Iterator[Happening]:
        return self._happenings

    @property
    def now_us(self) -> int:
        """The company's clock."""
        return self._world.now

    @property
    def unhappy(self) -> int:
        """How many customers are unhappy now (or were, when they were last heard of)."""
        return sum(person.spell is not None for person in self._world.people.values())

    def take(self, action: Action) -> None:
        """Gives an action to the staff (or, of the audience `customers`, to the customer); receipts come with the happenings."""
        self._actions.append(action)

    def stop(self) -> None:
        """Ends the run now. What was under way does not arrive any more; the truth is told to the end."""
        self._happenings.close()
        self._finish()

    def truth(self) -> Iterator[Line]:
        """What has become certain since the last call, and is forgotten here. After the end of the run: the rest."""
        return self._truth.drain()

    def _run(self) -> Generator[Happening]:
        self._tell_plan()
        for control in company.controls(self.company, self.plan):
            start = self.plan.start_us
            yield Happening(start, start, "cx-controls", control.control_id.encode(), control)
        coached.begin(self._world)
        outbox = self._outbox
        for at in self._moments():
            while outbox and outbox[0][0] <= at:
                yield self._released(heappop(outbox)[2])
            self._send()
        self._finish()
        last_us = self._world.now + US_PER_SECOND
        while outbox:
            happening = heappop(outbox)[2]
            yield self._released(happening._replace(arrival_us=min(happening.arrival_us, last_us)))

    def _moments(self) -> Iterator[int]:
        """Lives through one step after the other. Yields the time of each, with its records in `world.emitted`."""
        world, queue = self._world, self._world.queue
        end_us, rate = self.plan.end_us, self.plan.visits_per_second
        most = self.plan.events
        next_visit_us = world.now
        while most is None or self._sent < most:
            if self._actions:
                follow_up(world, self._staff, self._actions.popleft())
            if queue and queue[0][0] < next_visit_us:
                if queue[0][0] >= end_us:
                    break
                at, _, step, person, matter = heappop(queue)
                world.now = at
                step(world, person, matter)
            else:
                if next_visit_us >= end_us:
                    break
                world.now = next_visit_us
                world.somebody()
                next_visit_us += max(1, int(world.rng.expovariate(rate) * US_PER_SECOND))
            yield world.now

    def _send(self) -> None:
        emitted = self._world.emitted
        if emitted:
            for record in emitted:
                for happening in self._faults.arrivals(record):
                    self._sent += 1
                    heappush(self._outbox, (happening.arrival_us, self._sent, happening))
            emitted.clear()

    def _released(self, happening: Happening) -> Happening:
        if happening.fault is not None:
            tell_fault(happening, self._truth)
        return happening

    def _tell_plan(self) -> None:
        plan = self.plan
        self._truth.tell(
            "run",
            run=plan.run,
            seed=plan.seed,
            company=plan.company,
            scenario=plan.scenario,
            customers=plan.customers,
            start=when(plan.start_us),
            end=when(plan.end_us),
        )

    def _finish(self) -> None:
        """Unhappiness that outlasts the run, and what the incidents did. Once."""
        if self._finished:
            return
        self._finished = True
        world = self._world
        for person in world.people.values():
            fade(person, world.now, self._truth)
            end_spell(person, None, "run_ended", self._truth)
        world.incidents.tell(self._truth, world.now)
        world.rush.tell(self._truth, world.now, {district.time_zone for district in self.company.districts})


__all__ = ["TOPICS", "Happening", "Plan", "Simulation"]
