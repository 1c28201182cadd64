"""The company: cities with districts, a shop and a depot in each (an airline: airports; a car maker: dealers), teams, staff, as control records.

Made from the seed alone, so that every run of a seed is the same company.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from schemas.controls import Control, Opening, Staff, Unit
from streams.simulate.plan import Plan


class District(msgspec.Struct, frozen=True):
    """Where customers live. `site`: the shop or airport desk there; `depot`: who delivers there."""

    name: str
    city: str
    site: str
    depot: str
    time_zone: str
    currency: str
    chinese_share: float
    staff: tuple[str, ...]


class HelpLine(msgspec.Struct, frozen=True):
    """A way to ask for help. `chosen`: the share that turns here first; `unit` None: the customer's own site."""

    touchpoint: str
    channel: str
    chosen: float
    waiting_median_seconds: float
    talk_median_seconds: float
    unit: str | None
    staff: tuple[str, ...]


class Company(msgspec.Struct, frozen=True):
    """Whoever the simulated customers buy from. `search`, `page` and `payment` are touchpoints.

    `remembered`: how long annoyance lasts, times that about a purchase. `notes_questions`: contacts say what was told and asked for.
    """

    brand: str
    search: str
    page: str
    payment: str
    districts: tuple[District, ...]
    help_lines: tuple[HelpLine, ...]
    units: tuple[Unit, ...]
    products: tuple[str, ...]
    price_median: float
    remembered: float = 1.0
    notes_questions: bool = False


class _City(msgspec.Struct, frozen=True):
    name: str
    time_zone: str
    currency: str
    chinese_share: float
    districts: tuple[str, ...]


_SHOPS: Final = (
    _City("hamburg", "Europe/Berlin", "EUR", 0.15, ("Altona", "Barmbek", "Harburg")),
    _City("shanghai", "Asia/Shanghai", "CNY", 0.85, ("徐汇", "浦东", "静安")),
)
_AIRPORTS: Final = (
    _City("europe", "Europe/Berlin", "EUR", 0.2, ("HAM", "MUC")),
    _City("china", "Asia/Shanghai", "CNY", 0.85, ("PVG", "CAN")),
)
_DEALERS: Final = (
    _City("nord", "Europe/Berlin", "EUR", 0.15, ("Bremen", "Kiel", "Rostock")),
    _City("jiangnan", "Asia/Shanghai", "CNY", 0.85, ("苏州", "杭州", "宁波")),
)
_REGIONS: Final = (
    _City("west", "Europe/Berlin", "EUR", 0.15, ("Essen", "Dortmund", "Bonn")),
    _City("south", "Asia/Shanghai", "CNY", 0.85, ("福田", "南山", "天河")),
)
_LATIN: Final = {
    "徐汇": "xuhui",
    "浦东": "pudong",
    "静安": "jingan",
    "苏州": "suzhou",
    "杭州": "hangzhou",
    "宁波": "ningbo",
    "福田": "futian",
    "南山": "nanshan",
    "天河": "tianhe",
}
_FIRST_NAMES: Final = ("Anna", "Ben", "Clara", "David", "Ela", "Felix", "Greta", "Hugo", "Ida", "Jonas")
_CHINESE_NAMES: Final = ("李娜", "王伟", "张敏", "刘洋", "陈静", "杨帆", "赵磊", "黄婷", "周杰", "吴霞")


def found(plan: Plan) -> Company:
    """The company of a plan."""
    rng = Random(f"{plan.seed}/{plan.company}/company")  # noqa: S311 - a simulation, reproducible on purpose
    return _FOUNDERS[plan.company](rng)


def controls(company: Company, plan: Plan) -> list[Control]:
    """The units as messages for cx-controls. The same seed gives the same ids: repeats are ignored."""
    return [
        Control(
            control_id=f"unit/{unit.unit_id}/{plan.seed}",
            in_force_at=0,
            written_at=plan.start_us,
            brand=company.brand,
            unit=unit,
        )
        for unit in company.units
    ]


def _retailer(rng: Random) -> Company:
    units, districts = _places(rng, "marlow", _SHOPS, site="store", depot="depot", people=4)
    team = _team(rng, "marlow-care", ("marlow",), "Europe/Berlin", 8)
    chat = _team(rng, "marlow-chat", ("marlow-care", "marlow"), "Asia/Shanghai", 6)
    lines = (
        HelpLine("hotline", "phone", 0.5, 30.0, 260.0, team.unit_id, _front(team)),
        HelpLine("chat", "chat", 0.38, 20.0, 340.0, chat.unit_id, _front(chat)),
        HelpLine("store_desk", "store", 0.12, 150.0, 280.0, None, ()),
    )
    products = tuple(f"SKU-{number}" for number in range(2001, 2061))
    return Company(
        "marlow", "search", "product_page", "payment", districts, lines, (*units, team, chat), products, 62.0
    )


def _airline(rng: Random) -> Company:
    units, districts = _places(rng, "skylark", _AIRPORTS, site="desk", depot="ramp", people=5)
    team = _team(rng, "skylark-care", ("skylark",), "Europe/Berlin", 8)
    lines = (
        HelpLine("hotline", "phone", 0.7, 40.0, 320.0, team.unit_id, _front(team)),
        HelpLine("service_desk", "airport", 0.3, 240.0, 300.0, None, ()),
    )
    products = tuple(f"SL{number}" for number in range(410, 470))
    return Company("skylark", "booking", "booking", "booking", districts, lines, (*units, team), products, 240.0)


def _workshops(rng: Random) -> Company:
    units, districts = _places(rng, "brandt", _DEALERS, site="dealer", depot="hall", people=4)
    team = _team(rng, "brandt-care", ("brandt",), "Europe/Berlin", 6)
    lines = (
        HelpLine("adviser", "phone", 0.85, 45.0, 200.0, team.unit_id, _front(team)),
        HelpLine("adviser", "dealer", 0.15, 120.0, 260.0, None, ()),
    )
    jobs = ("service", "brakes", "tyres", "inspection", "gearbox", "electrics", "air-conditioning")
    where = "appointment"
    return Company("brandt", where, where, "bill", districts, lines, (*units, team), jobs, 320.0, 4.0, True)


def _operator(rng: Random) -> Company:
    units, districts = _places(rng, "linea", _REGIONS, site="shop", depot="crew", people=3)
    team = _team(rng, "linea-care", ("linea",), "Europe/Berlin", 9)
    chat = _team(rng, "linea-chat", ("linea-care", "linea"), "Asia/Shanghai", 6)
    lines = (
        HelpLine("hotline", "phone", 0.6, 40.0, 280.0, team.unit_id, _front(team)),
        HelpLine("chat", "chat", 0.28, 35.0, 360.0, chat.unit_id, _front(chat)),
        HelpLine("shop", "shop", 0.12, 240.0, 300.0, None, ()),
    )
    tariffs = ("fibre-250", "fibre-1000", "mobile-s", "mobile-m", "mobile-l")
    where = "self_service"
    return Company("linea", where, where, "payment", districts, lines, (*units, team, chat), tariffs, 38.0, 2.0, True)


_FOUNDERS: Final = {"retail": _retailer, "airline": _airline, "automotive": _workshops, "telecom": _operator}


def _places(
    rng: Random, brand: str, cities: tuple[_City, ...], *, site: str, depot: str, people: int
) -> tuple[list[Unit], tuple[District, ...]]:
    units = [Unit(unit_id=brand, name=brand.capitalize(), staff=_people(rng, brand, 0, 0.3), time_zone="Europe/Berlin")]
    districts = []
    for city in cities:
        region = f"{brand}-{city.name}"
        units.append(_unit(region, (brand,), _people(rng, region, 0, city.chinese_share), city.time_zone))
        for name in city.districts:
            latin = _LATIN.get(name, name.lower())
            shop, courier = f"{site}-{latin}", f"{depot}-{latin}"
            staff = _people(rng, shop, people, city.chinese_share)
            units.append(_unit(shop, (region, brand), staff, city.time_zone, _day("08:00", "21:00")))
            units.append(_unit(courier, (region, brand), _people(rng, courier, 2, city.chinese_share), city.time_zone))
            helpers = tuple(one.staff_id for one in staff if one.role == "front_line")
            zone, money = city.time_zone, city.currency
            districts.append(District(name, city.name, shop, courier, zone, money, city.chinese_share, helpers))
    return units, tuple(districts)


def _unit(unit_id: str, parents: tuple[str, ...], staff: list[Staff], zone: str, hours: Sequence[Opening] = ()) -> Unit:
    name = unit_id.replace("-", " ").title()
    return Unit(
        unit_id=unit_id, name=name, parents=list(parents), staff=staff, opening_hours=list(hours), time_zone=zone
    )


def _team(rng: Random, unit_id: str, parents: tuple[str, ...], zone: str, people: int) -> Unit:
    return _unit(unit_id, parents, _people(rng, unit_id, people, 0.5), zone)


def _people(rng: Random, unit: str, front_line: int, chinese_share: float) -> list[Staff]:
    """A manager and so many others."""
    roles = ["manager"] + ["front_line"] * front_line
    names = [rng.choice(_CHINESE_NAMES if rng.random() < chinese_share else _FIRST_NAMES) for _ in roles]
    return [
        Staff(staff_id=f"{unit}/{number}", role=role, name=name)
        for number, (role, name) in enumerate(zip(roles, names, strict=True))
    ]


def _front(unit: Unit) -> tuple[str, ...]:
    return tuple(one.staff_id for one in unit.staff if one.role == "front_line")


def _day(opens: str, closes: str) -> list[Opening]:
    return [Opening(weekday=day, opens=opens, closes=closes) for day in range(1, 8)]
