"""Customers: what the company may know of them, and what nobody sees: expectation, patience, outspokenness, grievances.

Traits come from the seed and the customer's number alone, so that they do not depend on what else happens in a run.
"""

from decimal import Decimal
from random import Random
from typing import Final

from schemas.events import Consent, Customer, Identifier
from streams.simulate.company import Company, District
from streams.simulate.mood import Grievance, Spell
from streams.simulate.plan import Plan
from streams.simulate.regulars import Course, course_of

_TIERS: Final = (("gold", 0.1), ("silver", 0.35), ("basic", 1.0))  # cumulative
_VALUES: Final = {"gold": 2400.0, "silver": 700.0, "basic": 160.0}
_SURNAMES: Final = (
    "Berger",
    "Cole",
    "Dorn",
    "Evans",
    "Fischer",
    "Grant",
    "Hayes",
    "Iversen",
    "Jansen",
    "Keller",
    "Lang",
    "Moore",
)
_FIRST_NAMES: Final = (
    "Alice",
    "Bela",
    "Carl",
    "Dora",
    "Emil",
    "Frida",
    "Gus",
    "Hanna",
    "Ivo",
    "Jule",
    "Kim",
    "Lena",
    "Max",
    "Nora",
)
_CHINESE_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
_CHINESE_GIVEN: Final = (
    "子涵",
    "雨桐",
    "浩然",
    "欣怡",
    "思远",
    "佳琪",
    "俊杰",
    "梦瑶",
    "晓东",
    "丽华",
    "建国",
    "秀英",
    "文博",
    "诗雨",
)


class Person:
    """One customer. The first block may show in events; the second is hidden; the third changes as the run goes on."""

    __slots__ = (
        "annoyance",
        "breaking_point",
        "busy_until",
        "channel",
        "complained_at",
        "contacts",
        "course",
        "device",
        "district",
        "expectation",
        "fade_seconds",
        "felt_at",
        "gone",
        "grievances",
        "id",
        "index",
        "language",
        "name",
        "outspoken",
        "owner",
        "patience",
        "pleased",
        "prefers_site",
        "sensitivity",
        "spell",
        "tier",
        "tolerates_late_seconds",
        "tolerates_waiting_seconds",
        "value",
    )

    def __init__(self, index: int, plan: Plan, run: str, company: Company) -> None:
        rng = Random(f"{plan.seed}/customer/{index}")  # noqa: S311 - a simulation, reproducible on purpose
        self.index = index
        self.id = f"c-{run}-{index:05d}"
        self.district: District = company.districts[int(rng.random() * len(company.districts))]
        self.language = "zh" if rng.random() < self.district.chinese_share else "en"
        draw = rng.random()
        self.tier = next(tier for tier, up_to in _TIERS if draw < up_to)
        self.value = round(_VALUES[self.tier] * rng.lognormvariate(0, 0.5), 2)
        self.channel = "app" if rng.random() < 0.55 else "web"
        self.device = f"d-{run}-{index:05d}"
        self.prefers_site = rng.random() < 0.15
        self.owner = rng.choice(self.district.staff) if self.tier == "gold" else None
        self.name = _name(rng, self.language)

        self.expectation = 5.0 + 4.8 * rng.betavariate(4, 2)  # level 0–10 that would just satisfy
        self.patience = rng.betavariate(2.5, 2)
        self.sensitivity = (1.7 - 1.1 * self.patience) * (0.7 + 0.05 * self.expectation)
        self.outspoken = min(1.0, rng.betavariate(1.2, 4) * plan.outspoken)  # most keep it to themselves
        self.breaking_point = 1.9 + 2.2 * rng.betavariate(2, 2)
        self.tolerates_waiting_seconds = 45.0 + 300.0 * self.patience * rng.random()
        self.tolerates_late_seconds = 300.0 + 2400.0 * self.patience * rng.random()
        self.fade_seconds = 3600.0 * (4 + 30 * rng.random()) * company.remembered

        self.course: Course = course_of(plan, index)

        self.annoyance = 0.0
        self.contacts = 0
        self.felt_at = 0
        self.grievances: list[Grievance] = []
        self.spell: Spell | None = None
        self.gone = False
        self.busy_until = 0
        self.complained_at = 0
        self.pleased = 0


def profile(person: Person, event_id: str, at_us: int, brand: str, rng: Random) -> Customer:
    """What the directory says of somebody when they first turn up."""
    number = f"{person.index:05d}"
    identifiers = [Identifier(type="loyalty", value=f"L{person.id[2:]}")]
    if person.language == "zh":
        identifiers.append(Identifier(type="wechat", value=f"wx_{person.id[2:]}"))
    else:
        identifiers.append(Identifier(type="mail", value=f"customer{number}@example.com"))
    marketing = rng.random() < 0.55
    return Customer(
        event_id=event_id,
        subject_type="customer",
        subject_id=person.id,
        occurred_at=at_us,
        source="crm",
        brand=brand,
        name=person.name,
        identifiers=identifiers,
        tier=person.tier,
        value=Decimal(str(person.value)),
        currency=person.district.currency,
        consents=[
            Consent(purpose="service", channel="*", granted=True),
            Consent(purpose="research", channel="*", granted=rng.random() < 0.8),
            Consent(purpose="marketing", channel="*", granted=marketing),
        ],
        preferred_channel="wechat" if person.language == "zh" else "mail",
        language="zh-CN" if person.language == "zh" else "en",
        time_zone=person.district.time_zone,
        owner=person.owner,
        unit=person.district.site,
    )


def _name(rng: Random, language: str) -> str:
    if language == "zh":
        return rng.choice(_CHINESE_SURNAMES) + rng.choice(_CHINESE_GIVEN)
    return f"{rng.choice(_FIRST_NAMES)} {rng.choice(_SURNAMES)}"
