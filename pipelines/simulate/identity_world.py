"""Identity world: account records of known people, with the cases on which naive unification fails.

Lives here: a generator of records (the columns `caw resolve` reads) and their truth, from one seed.
Stays out: the simulated company (orders, money, export files), which is the rest of this folder.

Every name, number and address is random. Cases: those of hard practice (families on one number, an associate's
number, placeholders, recycled numbers, shared devices, namesakes, typing errors, subsidy rings, late merges) and
parcel lockers, company switchboards, married names, twins, exports that fill blanks with the shop's own number,
placeholders that no list knows, couples on one e-mail address, and people who moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from pipelines.simulate.identity_people import (
    CITIES,
    FIRST,
    LAST,
    MARKETS,
    PLACEHOLDER_EMAILS,
    PLACEHOLDER_PHONES,
    SOURCES,
    Hand,
    Person,
)

RECORDS = pl.Schema(
    {
        "record_id": pl.String(), "source": pl.String(), "source_account_id": pl.String(), "phone_raw": pl.String(),
        "phone_sha256": pl.String(), "email_raw": pl.String(), "name_raw": pl.String(), "birth_date": pl.Date(),
        "city": pl.String(), "device_id": pl.String(), "wechat_openid": pl.String(), "wechat_unionid": pl.String(),
        "member_id": pl.String(), "shop_buyer_uid": pl.String(), "first_seen": pl.Datetime("us"),
        "last_seen": pl.Datetime("us"), "batch": pl.Int64(),
    }
)  # fmt: skip
TRUTH = pl.Schema({"record_id": pl.String(), "person_id": pl.String(), "case": pl.String()})

CLASSIC: dict[str, float] = {
    "plain": 0.559, "family_phone": 0.109, "associate_phone": 0.080, "recycled_phone": 0.064, "shared_device": 0.036,
    "namesake": 0.032, "placeholder_email": 0.032, "placeholder_phone": 0.024, "typo_bridge": 0.024,
    "late_merge": 0.024, "phone_change": 0.016,
}  # fmt: skip
"""Share of the people in each case of the set that the rules were first measured on; rings come on top, one per 2,500
people."""

ADDED: dict[str, float] = {
    "moved": 0.03, "unlisted_placeholder": 0.02, "shop_number": 0.02, "locker": 0.015, "switchboard": 0.015,
    "married_name": 0.01, "twins": 0.01, "shared_email": 0.01,
}  # fmt: skip
"""The cases that the set lacks."""

SHARES: dict[str, float] = CLASSIC | ADDED

RECORDS_N: dict[str, tuple[int, ...]] = {
    "family_phone": (1, 2, 3), "recycled_phone": (2, 3), "namesake": (3,), "typo_bridge": (3,),
}  # fmt: skip
"""Records of a person by case, as that set has them; other people have one to seven, three on average."""
USUAL_N = (20, 23, 20, 16, 11, 7, 3)
"""Weights of one to seven records."""

_START, _DAYS = datetime(2023, 1, 1), 910  # noqa: DTZ001 - records carry UTC without zone


def identity_world(
    seed: int, people: int = 5_000, shares: Mapping[str, float] = SHARES, together: float = 0.6
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and truth of about `people` people; equal seeds give equal tables. Records come in random order.

    `together` is the share of families that live under one roof, which hides them from supporting evidence.
    """
    world = _World(seed, together)
    total = sum(shares.values())
    for case, share in shares.items():
        world.grow(case, max(2, round(people * share / total)))
    for _ in range(max(1, people // 2_500)):
        world.ring()
    return world.tables()


class _World(Hand):
    """Draws people and their records."""

    def __init__(self, seed: int, together: float) -> None:
        super().__init__(seed)
        self.together = together
        self.rows: list[dict[str, Any]] = []
        self.truth: list[tuple[str, str, str]] = []

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Records and truth, shuffled."""
        order = list(range(len(self.rows)))
        self.rng.shuffle(order)
        records = pl.DataFrame([self.rows[i] for i in order], schema=RECORDS)
        return records, pl.DataFrame([self.truth[i] for i in order], schema=TRUTH, orient="row")

    # --- cases --------------------------------------------------------------------------------------------------

    def grow(self, case: str, n: int) -> None:
        """Draw `n` people of a case, with their records."""
        special: dict[str, Callable[[str, int], None]] = {
            "family_phone": self.families, "associate_phone": self.associate, "recycled_phone": self.recycled,
            "shared_device": self.tablets, "namesake": self.namesakes, "phone_change": self.changed,
            "typo_bridge": self.typos, "late_merge": self.late, "married_name": self.married, "twins": self.twins,
            "moved": self.movers,
        }  # fmt: skip
        crowds: dict[str, Callable[[str, int], None]] = {
            "locker": self.crowd, "switchboard": self.crowd, "shop_number": self.crowd,
            "unlisted_placeholder": self.crowd, "placeholder_phone": self.placeholders,
            "placeholder_email": self.placeholders, "shared_email": self.couples,
        }  # fmt: skip
        (special | crowds).get(case, self.plain)(case, n)

    def plain(self, case: str, n: int) -> None:
        """People with one to six records."""
        for _ in range(n):
            self.history(self.person(case))

    def movers(self, case: str, n: int) -> None:
        """People who live elsewhere from some day on."""
        for _ in range(n):
            p = self.person(case)
            self.halves(p, city=self.rng.choice(CITIES[:10]))

    def families(self, case: str, n: int) -> None:
        """Two to four people on one number, mostly under one roof."""
        left = n
        while left > 0:
            size = min(left, self.rng.randint(2, 4))
            head = self.person(case)
            self.history(head)
            for _ in range(size - 1):
                more = {"phone": head.phone}
                if self.chance(self.together):
                    more["city"] = head.city
                if not head.name.isascii():
                    more["name"] = self.sibling(head.name) if self.chance(0.6) else self.chinese()
                self.history(self.person(case, **more))
            left -= size

    def associate(self, case: str, n: int) -> None:
        """Walk-ins for whom a shop assistant keyed in her own number; they come back under their own."""
        number = self.number()
        for _ in range(n):
            p = self.person(case, city=CITIES[0], is_member=self.chance(0.9))
            self.record(p, "pos", phone=number)
            if self.chance(0.5):
                self.record(p, "crm")

    def recycled(self, case: str, n: int) -> None:
        """A number that passes from one person to another after at least half a year of silence."""
        for _ in range(n // 2):
            first = self.person(case)
            self.history(first, until=330)
            self.history(self.person(case, phone=first.phone), since=560)

    def tablets(self, case: str, n: int) -> None:
        """An in-store tablet on which everybody signs in."""
        for start in range(0, n, 120):
            device = f"ipad{self.token(6)}"
            for _ in range(min(120, n - start)):
                p = self.person(case, device=device)
                self.record(p, "app")
                if self.chance(0.5):
                    self.record(p, "crm")

    def namesakes(self, case: str, n: int) -> None:
        """Two people of the same name, birthday and city."""
        for _ in range(n // 2):
            first = self.person(case)
            self.history(first)
            self.history(self.person(case, name=first.name, birth=first.birth, city=first.city))

    def changed(self, case: str, n: int) -> None:
        """A new number; only the member card bridges."""
        for _ in range(n):
            p = self.person(case, is_member=True)
            for source in ("crm", "app"):
                self.record(p, source, keeps_member=True, batch=1)
            p.phone = self.number()
            self.record(p, "crm", keeps_member=True, since=_DAYS // 2, batch=2)

    def typos(self, case: str, n: int) -> None:
        """One record carries a stranger's number."""
        for _ in range(n // 2):
            victim, p = self.person(case), self.person(case)
            self.history(victim)
            self.history(p)
            self.record(p, "crm")
            self.record(p, self.rng.choice(["pos", "crm"]), phone=victim.phone, batch=2)

    def late(self, case: str, n: int) -> None:
        """Two customers until a late record shows that they are one."""
        for _ in range(n):
            p = self.person(case)
            self.record(p, "pos", batch=1, drops=("name_raw", "member_id", "city", "email_raw"))
            self.record(p, "web", batch=1, keeps_email=True, drops=("phone_raw", "device_id", "phone_sha256"))
            self.record(p, "crm", batch=2, keeps_email=True)

    def married(self, case: str, n: int) -> None:
        """A new surname from some day on; number, address and often the card stay."""
        for _ in range(n):
            p = self.person(case, name=self.latin(), city="London")
            self.halves(p, name=f"{p.name.split()[0]} {self.rng.choice(LAST)}")

    def twins(self, case: str, n: int) -> None:
        """Two people of one surname, birthday, city and telephone."""
        for _ in range(n // 2):
            first = self.person(case)
            second = self.person(
                case, name=self.sibling(first.name), birth=first.birth, city=first.city, phone=first.phone
            )
            for p in (first, second):
                for source in self.rng.sample(("crm", "web", "service", "app"), 3):
                    self.record(p, source)

    def sibling(self, name: str) -> str:
        """A name of the same surname and another given name."""
        drawn, last = name, name.rsplit(maxsplit=1)[-1]
        while drawn == name:
            drawn = f"{self.rng.choice(FIRST)} {last}" if name.isascii() else name[0] + self.given()
        return drawn

    def crowd(self, case: str, n: int) -> None:
        """Many people on one number: a parcel locker, a switchboard, the shop's own, a placeholder nobody listed."""
        size = {"locker": 40, "switchboard": 25, "shop_number": 150, "unlisted_placeholder": 60}[case]
        source = {"locker": "web", "switchboard": "crm", "shop_number": "pos", "unlisted_placeholder": "pos"}[case]
        for start in range(0, n, size):
            number = f"010-{self.digits(8, first='68')}" if case == "switchboard" else self.number()
            city = self.rng.choice(CITIES[:10])
            for _ in range(min(size, n - start)):
                p = self.person(case, **({} if case == "unlisted_placeholder" else {"city": city}))
                self.record(p, source, phone=number)
                for _ in range(self.rng.randrange(3)):
                    self.record(p, self.rng.choice(["web", "app", "crm"]))

    def placeholders(self, case: str, n: int) -> None:
        """Values typed where something had to be typed."""
        for _ in range(n):
            p = self.person(case)
            if case == "placeholder_phone":
                self.record(p, self.rng.choice(["pos", "web", "service"]), phone=self.rng.choice(PLACEHOLDER_PHONES))
                continue
            for source in self.rng.sample(("service", "pos", "app", "web", "crm"), 2):
                self.record(p, source, email=self.rng.choice(PLACEHOLDER_EMAILS) if self.chance(0.6) else None)

    def couples(self, case: str, n: int) -> None:
        """Two people who share one e-mail address and nothing else."""
        for _ in range(n // 2):
            first = self.person(case)
            second = self.person(case, email=first.email, city=first.city)
            for p in (first, second):
                for source in ("web", "crm"):
                    self.record(p, source, keeps_email=True)

    def ring(self) -> None:
        """One operator with many numbers on one device."""
        p = self.person("wool_ring", is_member=False)
        for _ in range(self.rng.randrange(20, 60)):
            p.phone = self.number()
            self.record(p, "app", drops=("name_raw", "city", "wechat_unionid", "email_raw", "member_id"))

    # --- records ------------------------------------------------------------------------------------------------

    def history(self, p: Person, since: int = 0, until: int = _DAYS) -> None:
        """The records of a person, one in a source as a rule; markets in plain cases only."""
        for source in self.drawn_sources(p):
            self.record(p, source, since=since, until=until)

    def halves(self, p: Person, **later: Any) -> None:
        """The records of a person of whom something is different in the second half of the time."""
        drawn = self.drawn_sources(p)
        turn = self.rng.randint(0, len(drawn))
        for source in drawn[:turn]:
            self.record(p, source, until=_DAYS // 2)
        for name, value in later.items():
            setattr(p, name, value)
        for source in drawn[turn:]:
            self.record(p, source, since=_DAYS // 2)

    def drawn_sources(self, p: Person) -> list[str]:
        """Sources of a person's records."""
        counts = RECORDS_N.get(p.case)
        n = self.rng.choice(counts) if counts else self.rng.choices(range(1, 8), USUAL_N)[0]
        absent = () if p.case in ("plain", "moved") else (*MARKETS, "wechat") if p.case == "family_phone" else MARKETS
        sources = [s for s in SOURCES if s not in absent]
        drawn = self.rng.sample(sources, min(n, len(sources)))
        if n > 1 and self.chance(0.1):
            drawn[-1] = drawn[0]
        return drawn

    def record(
        self,
        p: Person,
        source: str,
        phone: str | None = None,
        email: str | None = None,
        since: int = 0,
        until: int = _DAYS,
        batch: int | None = None,
        keeps_member: bool = False,
        keeps_email: bool = False,
        drops: tuple[str, ...] = (),
    ) -> None:
        """One account record of a person in a source, with what such a source captures."""
        first = _START + timedelta(days=self.rng.uniform(since, max(until - 60, since + 1)))
        row: dict[str, Any] = dict.fromkeys(RECORDS.names())
        row |= {
            "record_id": f"r{self.token(12)}", "source": source, "source_account_id": f"{source}-{self.digits(12)}",
            "city": p.city if self.chance(0.9) else None, "first_seen": first,
            "last_seen": first + timedelta(days=self.rng.uniform(0, 60)),
            "batch": batch or (2 if self.chance(0.15) else 1),
        }  # fmt: skip
        fill = {
            "service": {"phone": 1, "name": 0.85}, "pos": {"phone": 0.97, "name": 0.5, "member": 0.85},
            "app": {"phone": 1, "email": 0.2, "name": 0.5, "member": 0.75, "union": 0.35},
            "web": {"phone": 0.7, "email": 0.6, "name": 0.87}, "wechat": {"phone": 0.55, "union": 1},
            "crm": {"phone": 1, "email": 0.4, "name": 0.88, "member": 1, "birth": 0.65},
            "tmall": {"phone": 1, "name": 0.95, "member": 0.5}, "jd": {"phone": 1, "name": 0.95, "member": 0.5},
        }[source]  # fmt: skip
        self.contact(row, p, source, fill, phone, email, keeps_email)
        p.is_member = p.is_member or source == "crm"
        if p.is_member and (keeps_member or self.chance(fill.get("member", 0))):
            row["member_id"] = p.member
        if self.chance(fill.get("birth", 0)):
            row["birth_date"] = p.birth
        if self.chance(fill.get("union", 0)):
            row["wechat_unionid"] = p.unionid
        if source == "wechat":
            row["wechat_openid"] = p.openid
        if source == "app" or (source == "web" and self.chance(0.9)):
            row["device_id"] = p.device if p.case == "wool_ring" or self.chance(0.92) else f"dev{self.token(10)}"
        if source in MARKETS:
            row["shop_buyer_uid"] = p.uids.setdefault(source, f"{source}_{self.token(10)}")
        row |= dict.fromkeys(drops)
        self.rows.append(row)
        self.truth.append((row["record_id"], p.person_id, p.case))

    def contact(
        self, row: dict[str, Any], p: Person, source: str, fill: dict[str, float], phone: str | None,
        email: str | None, keeps_email: bool,
    ) -> None:  # fmt: skip
        """Telephone, e-mail and name as the source writes them."""
        is_market = source in MARKETS
        number = phone or p.phone
        if phone or self.chance(fill.get("phone", 0)):
            if is_market and not phone and self.chance(0.75):
                row["phone_raw"] = (
                    f"{number[:3]}****{number[-4:]}"
                    if self.chance(0.8)
                    else f"1{self.rng.choice(['70', '65', '67'])}{self.digits(8)}-{self.digits(4)}"
                )
            else:
                row["phone_raw"] = self.written(number)
        if email or keeps_email or self.chance(fill.get("email", 0)):
            row["email_raw"] = email or self.written_email(p.email)
        if self.chance(fill.get("name", 0)):
            row["name_raw"] = f"{p.name[0]}**" if is_market and self.chance(0.7) else self.written_name(p.name)
