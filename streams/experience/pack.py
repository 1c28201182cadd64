"""A pack as it is written: the configuration of one industry or brand, as structs. Unknown fields are errors.

Conditions and computed values are CEL text here; `compiled.py` turns a pack into what decisions run on.
"""

from typing import Literal

import msgspec

from streams.experience.pack_insights import Insights
from streams.experience.pack_values import DeliveredValue, Fairness, Measure, RelationValue
from streams.experience.periods import Per

ByTier = dict[str, float]  # tier → value; `other` is for every tier that is not named
Texts = dict[str, str]  # locale → text with {parameters}

SignalOn = Literal["touchpoint", "feedback", "watch"]
ActionOn = Literal[
    "episode_opened",
    "episode_worsened",
    "episode_reopened",
    "episode_treated",
    "episode_closed",
    "episode_faded",
    "step_due_soon",
    "response_missed",
    "declined",
    "handed_over",
    "recurred",
    "complaint_lodged",
    "statutory_due_soon",
    "statutory_missed",
    "signal",
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Handling = Literal["listen", "respond", "compensate", "improve"]
Apart = Literal["brand", "unit", "assignee", "audience", "kind", "channel", "touchpoint", "journey"]
Step = Literal["listen", "respond", "compensate", "improve", "escalate", "recognise"]


class Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Any part of a pack."""


class Journey(Part):
    """The customer's way through touchpoints; an episode belongs to one journey."""

    title: Texts = {}  # its name in messages, a text a language
    round_the_clock: bool = False  # treated at any time, whatever the treatment's calendar


class TouchpointEntry(Part):
    """One place of contact."""

    journey: str  # to which it belongs
    title: Texts = {}  # its name in messages, a text a language
    owner: str | None = None  # audience that looks after the touchpoint
    dimension: str | None = None  # what feedback here is about when it does not say
    expectation: float | Literal["none"] | None = None  # inherited expectation, 0–10; "none": nothing to disappoint
    importance: float | None = None  # 0–10
    ideal: float | None = None  # 0–10
    promise: float | None = None  # level that the brand promises here, 0–10: what its advertising says
    asks_for_help: bool = False  # the customer turns to a person: counts as a contact about the matter
    self_service: bool = False  # the customer does it alone: what fails here and is asked about later was tried in vain
    names_price: bool = False  # the amount told here is what the customer expects to pay for the matter
    waiting_promised_seconds: float | None = None  # longest wait that is promised here


class Watch(Part):
    """Something that is due after an event: a promise to keep, or a customer from whom nothing more comes."""

    opens: str  # CEL on a touchpoint event
    kept: str  # CEL on a touchpoint event
    signal: str  # the signal that is given when it is not kept in time
    within_seconds: float | None = None  # due so long after the opening event; or `by`
    by: Literal["promised_at"] | None = None  # the event's own promised_at
    grace_seconds: float = 0.0  # with `by`: so much later than promised is still in time
    same: Literal["matter", "touchpoint", "subject"] = "matter"  # what opening and keeping event must share
    touchpoint: str | None = None  # where a breach counts; null: where it was opened
    renews: bool = False  # a second opening starts the time anew
    at_risk_seconds: float | None = None  # of a promise: so long before it is due, and not kept yet, it is at risk
    at_risk_signal: str | None = None  # the signal that is given then
    owes: float | ByTier | None = None  # of a promise: what a customer has a right to when it is broken


class Signal(Part):
    """Evidence for dissatisfaction (`unhappy`), or against it (`happy`), or neither (`notice`): only rules follow it."""

    on: SignalOn  # touchpoint: behaviour, inferred; feedback: said; watch: given by a promise or a silence
    when: str | None = None  # CEL; null: always (signals on a watch need none)
    mood: Literal["unhappy", "happy", "notice"] = "unhappy"  # evidence of dissatisfaction, against it, or neither
    weight: float | str = 0.0  # 0–1, or CEL that gives it
    half_life_seconds: float = 86_400.0  # the evidence fades by half in it
    relief: float = 0.0  # happy: share of the earlier evidence in the same journey that it takes away, 0–1
    verifies: bool = False  # happy: shows that a treated episode is really over
    statute: str | None = None  # one of statutes: it was lodged with a regulator, statutory clocks begin
    never_hold_out: bool = False  # nothing for which this speaks is ever held out: formal complaints, safety
    cause: str | None = None  # name under which causes are counted; null: the signal's own name
    incident: str | None = None  # what it is, with others, when it hits many; null: its cause
    title: Texts = {}  # the cause in messages, a text a language; none: its name
    detail: str = ""  # the measure in words, with {parameters}


class StatutoryClock(Part):
    """By when the law wants something of the company."""

    within_seconds: float  # after the complaint was lodged
    calendar: str | None = None  # one of calendars: working time; null: every day counts
    remind_before_seconds: float | None = None  # so long before a reminder triggers


class Statute(Part):
    """What a complaint lodged with a regulator starts."""

    clocks: dict[str, StatutoryClock]  # by name, e.g. acknowledge, answer


class Treatment(Part):
    """When an episode opens, how its steps are timed, when it closes."""

    opens_at: float  # score at which an episode opens, 0–1
    worsens_by: float  # rise of the score that makes it worse
    closes_below: float  # a verifying signal closes an untreated episode below this score
    step_within_seconds: dict[Handling, ByTier]  # a step that is not done in time is missed
    verified_within_seconds: float  # treated, but not verified by then: re-opens
    reopens_within_seconds: float  # dissatisfied again by then: the same episode
    fades_after_seconds: float  # no evidence for so long: closed as faded
    escalates_most: int = 3  # how often a missed step triggers
    calendar: str | None = None  # one of calendars: times of steps are working time; null: round the clock
    remind_before_seconds: float | None = None  # so long before a step is due a reminder triggers
    waits_at_most_seconds: float = 259_200.0  # waiting for the customer stops the clock, at most so long
    recurs_within_seconds: float | None = None  # the same cause, so long after its fix, has come back; null: whenever


class Solution(Part):
    """What helps against something: goes with the actions about it. What is left out fits everywhere."""

    text: Texts  # what to do, a text a language
    causes: list[str] = []  # against these causes
    touchpoints: list[str] = []  # at these touchpoints


class Calendar(Part):
    """When people work. A unit's own opening hours and time zone go before those here."""

    hours: dict[Weekday, list[str]]  # by weekday, local time: ["09:00-12:30", "14:00-18:00"]
    time_zone: str  # IANA name, of the hours here
    holidays: str | None = None  # whose days off: CN, DE, DE-BY, …; null: none
    years: list[int] = []  # with holidays: the years that it covers; work in another one is an error
    on_holidays: list[str] = []  # hours on days off
    dates: dict[str, list[str]] = {}  # single days, YYYY-MM-DD → hours; before everything else


class Audience(Part):
    """Who acts. Its notification topic is cx-notify-<name>."""

    reaches: Literal["staff", "customer"]  # whom
    title: Texts = {}  # its name in messages, a text a language
    role: str | None = None  # staff role in the unit that is assigned; null: the episode's or the customer's owner
    climbs: bool = False  # with role: each further missed step goes to the next holder up the units
    fallback: str | None = None  # assignee where there is none else


class Cap(Part):
    """At most so many in a sliding time."""

    most: int  # at most so many of this rule a customer
    per_seconds: float  # in this sliding time


class Compensation(Part):
    """How much one customer is given for troubles, whatever the rules suggest."""

    ceiling: ByTier  # at most so much, in the pack's currency …
    per_seconds: float  # … in this sliding time
    least: float = 0.0  # less than this is not offered


class ContactCap(Part):
    """At most so many actions of some sort a customer, in a sliding time, whatever their rules. What is left out counts all."""

    most: int  # at most so many …
    per_seconds: float  # … in this sliding time
    reaches: Literal["staff", "customer"] | None = None  # whom the actions reach
    audiences: list[str] = []  # who acts
    kinds: list[str] = []  # what is done, as downstream systems call it
    channels: list[str] = []  # how
    steps: list[Step] = []  # of the treatment
    customers: dict[str, list[str]] = {}  # holds for these customers only: tier or attribute → values
    same: list[Literal["touchpoint", "journey", "matter", "cause", "unit", "kind", "channel"]] = []  # counted apart by
    below_priority: int | None = None  # binds actions of a lower priority only; null: all


class PeriodLimit(Part):
    """At most so much in a period over all customers: a budget, or what a team can do. What is left out counts all."""

    most: float | dict[str, float]  # in a period; by group: "shop-7": 300, other: 100
    per: Per  # a period of the calendar
    counts: Literal["actions", "money"] = "actions"  # money: what is given away, in the pack's currency
    time_zone: str = "UTC"  # of the calendar
    same: list[Apart] = []  # counted apart by
    reaches: Literal["staff", "customer"] | None = None  # whom the actions reach
    audiences: list[str] = []  # who acts
    kinds: list[str] = []  # what is done, as downstream systems call it
    channels: list[str] = []  # how
    steps: list[Step] = []  # of the treatment
    below_priority: int | None = None  # binds actions of a lower priority only; the others count
    defers: int = 0  # so many periods an action may wait for room; 0: it is not done


class ActionRule(Part):
    """What follows from what."""

    on: ActionOn  # what triggers it
    audience: str  # who acts, or gets the message
    kind: str  # what is to be done, as downstream systems call it
    step: Step  # of the treatment
    text: str  # name of a text
    signal: str | None = None  # with on: signal
    when: str | None = None  # CEL; null: always
    emit: Literal["now", "settled"] = "now"  # settled: final, as messages to customers are
    settling_seconds: float = 120.0  # with emit: settled
    priority: int | dict[str, int] = 50  # higher goes first
    channel: str | None = None  # null: the customer's preferred one, for audiences that reach customers
    solution: str | None = None  # what to do, in words; null: what solutions have for the cause and the touchpoint
    amount: float | str | ByTier | None = None  # suggested compensation
    channels: list[str] = []  # the first that is open: the stated one, then by how often this customer answers in it
    folds: bool = True  # staff: not done for members of an incident; false: for them, too
    text_in_incident: str | None = None  # name of the text for members of an incident; null: `text`
    round_the_clock: bool = False  # due_in_seconds is not working time, whatever the treatment's calendar
    due_in_seconds: float | ByTier | None = None  # by when it is to be done
    expires_in_seconds: float | None = None  # after which it makes no sense any more
    cap: Cap | None = None  # how often one customer may get it
    consent: str | None = None  # purpose that the customer must have agreed to
    peak: Literal["surprise", "cognition", "positive", "interaction"] | None = None  # the kind of moment that it makes
    never_with_open_episode: bool = False  # not while an episode is open in any journey
    hold_out: float | None = None  # share of customers who do not get it; null: only the pack's own
    experiment: str | None = None  # rules with the same are held out together; null: the rule's name
    never_hold_out: bool = False  # everybody gets it: safety, formal complaints, regulators

    @property
    def costs(self) -> bool:
        """Does it give something away?"""
        return self.step == "compensate" or self.amount is not None


class QuietHours(Part):
    """Customers are not contacted between these local times."""

    begin: str  # HH:MM
    end: str  # HH:MM
    time_zone: str = "UTC"  # where the customer's is unknown


class Incidents(Part):
    """When many customers with one cause at one touchpoint make an incident."""

    subjects: int  # so many different customers …
    within_seconds: float  # … in so long make an incident
    ends_after_seconds: float  # without a further one it has ended
    audience: str  # who is told
    text: str  # name of a text
    kind: str = "incident"  # as downstream systems call it
    times_usual: float | None = None  # and only so many times as many as usual; null: subjects alone
    folds: bool = False  # tasks for colleagues about its members are folded into it: where so many are never usual


class Burst(Part):
    """So many full marks in so long."""

    answers: int  # so many full marks …
    within_seconds: float  # … in so long


class BulkAnswers(Part):
    """When full marks look coached, or given in bulk: then they weigh less."""

    audience: str  # who is told
    text: str  # name of a text
    device: Burst | None = None  # from one device
    unit: Burst | None = None  # about one unit
    touchpoint: Burst | None = None  # at one touchpoint
    full_marks_from: float = 9.5  # level, 0–10
    share: float = 0.95  # of the answers in that time
    ends_after_seconds: float = 3600.0  # without more of them it is over
    weight: float = 0.2  # of such an answer; others weigh 1
    kind: str = "bulk_answers"  # as downstream systems call it


class UsualWaiting(Part):
    """How long people usually wait at a touchpoint, learnt by hour of the week."""

    time_zone: str = "UTC"  # of the hours
    least: int = 20  # so many waits in an hour of the week, else nothing is usual there
    weeks: int = 8  # so many of them count
    sample: float = 1.0  # share of the waits that are learnt from
    peaks: list[str] = []  # seasons that stay out of what is usual


class Calibration(Part):
    """What scores mean, from customers who were asked: written by `touchstone calibrate`."""

    inferred: list[tuple[float, float]]  # points (score, share who say so), ascending in both
    earlier: list[tuple[float, float]] | None = None  # the same for contacts that gave no evidence; null: inferred
    answers: int | None = None  # on which it rests
    unhappy_at_most: float | None = None  # level of an answer, 0–10, that counts as saying so
    since: str | None = None  # first answer
    until: str | None = None  # last answer


class HoldoutDraw(Part):
    """Who is held out, drawn once for each customer by a hash. Nobody without it."""

    salt: str  # another one draws other customers
    share: float = 0.0  # of all customers, from every rule that may hold out


class Outcome(Part):
    """What `touchstone uplift` looks for after an action: an event at one of some touchpoints, in time."""

    touchpoints: list[str]  # where
    within_seconds: float  # after the instant of the decision
    outcome: Literal["success", "failure", "abandoned"] | None = None  # of the event; null: any
    absent: bool = False  # it counts when there was none: the customer has left
    better: Literal["more", "fewer"] = "more"  # what is wished


class PackFile(Part):
    """A whole pack."""

    pack: str  # its name
    description: str  # one sentence
    default_locale: str  # language of texts where the customer's is not there
    currency: str  # ISO 4217, of all amounts
    journeys: dict[str, Journey]  # the customer's ways
    touchpoints: dict[str, TouchpointEntry]  # places of contact, by the name that events carry
    dimensions: list[str]  # what experience has, e.g. service, price
    signals: dict[str, Signal]  # evidence of dissatisfaction, or against it
    treatment: Treatment  # when an episode opens, how it is treated, when it closes
    audiences: dict[str, Audience]  # who acts, who is reached
    actions: dict[str, ActionRule]  # what follows from what
    texts: dict[str, Texts]  # by name, a text a language
    causes: dict[str, Texts] = {}  # titles of causes and incidents that several signals share
    promises: dict[str, Watch] = {}  # what the company owes after an event
    silences: dict[str, Watch] = {}  # what a customer would have done
    measures: dict[str, Measure] = {}  # experience that follows from what happened, for the gap table
    festivals: dict[str, str] = {}  # days worth a kind word: "05-20", "2026-05-20", or mid_autumn and the like
    solutions: dict[str, Solution] = {}  # what helps against what
    statutes: dict[str, Statute] = {}  # what complaints lodged with a regulator start
    calendars: dict[str, Calendar] = {}  # when people work
    caps: dict[str, ContactCap] = {}  # how often one customer is reached, across rules
    limits: dict[str, PeriodLimit] = {}  # what a period allows over all customers
    compensation: Compensation | None = None  # how much one customer is given
    delivered_value: DeliveredValue | None = None  # what a matter gives a customer and takes from him
    relation_value: RelationValue | None = None  # what a customer is worth, and the tier that follows
    fairness: Fairness | None = None  # what holds for everybody, whatever the tier
    quiet_hours: QuietHours | None = None  # when customers are not contacted
    incidents: Incidents | None = None  # when many customers make an incident
    insights: Insights | None = None  # what is looked for over many customers and weeks
    bulk_answers: BulkAnswers | None = None  # when full marks look coached
    usual_waiting: UsualWaiting | None = None  # how long people usually wait
    calibration: Calibration | None = None  # what scores mean, by `touchstone calibrate`; null: as they come
    holdout: HoldoutDraw | None = None  # who is held out; null: nobody
    outcomes: dict[str, Outcome] = {}  # what `touchstone uplift` looks for, by name
