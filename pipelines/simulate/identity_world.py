"""Identity world: account records of known people, with the cases on which naive unification fails.

Lives here: a generator of records (the columns `caw resolve` reads) and their truth, from one seed.
Stays out: the simulated company (orders, money, export files), which is the rest of this folder.

Every name, number and address is random. Cases: those of hard practice (families on one number, an associate's
number, placeholders, recycled numbers, shared devices, namesakes, typing errors, subsidy rings, late merges) and
parcel lockers, company switchboards, married names, twins, exports that fill blanks with the shop's own number,
placeholders that no list knows, couples on one e-mail address, and people who moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl

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

SHARES: dict[str, float] = {
    "plain": 0.50, "moved": 0.03, "family_phone": 0.10, "associate_phone": 0.06, "placeholder_email": 0.03,
    "placeholder_phone": 0.02, "unlisted_placeholder": 0.02, "recycled_phone": 0.06, "shared_device": 0.03,
    "namesake": 0.03, "phone_change": 0.02, "typo_bridge": 0.02, "late_merge": 0.02, "locker": 0.015,
    "switchboard": 0.015, "married_name": 0.01, "twins": 0.01, "shop_number": 0.02, "shared_email": 0.01,
}  # fmt: skip
"""Share of the people in each case; rings come on top, one per 2,500 people."""

_START, _DAYS = datetime(2023, 1, 1), 910  # noqa: DTZ001 - records carry UTC without zone
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
    "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
_SURNAME_WEIGHTS = [1 / (rank + 5) for rank in range(len(_SURNAMES))]
_GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂子轩浩宇涵怡梓诺佳欣志国华文玉红梅思然泽雨辉嘉"
_FIRST = [
    "james",
    "mary",
    "robert",
    "patricia",
    "john",
    "jennifer",
    "michael",
    "linda",
    "david",
    "elizabeth",
    "william",
    "barbara",
    "richard",
    "susan",
    "joseph",
    "jessica",
    "thomas",
    "sarah",
    "carlos",
    "lucia",
    "ivan",
    "maria",
    "omar",
    "sophie",
    "peter",
    "anna",
    "emma",
    "chloe",
    "hugo",
    "nina",
    "erik",
    "clara",
    "felix",
    "greta",
]
_LAST = [
    "smith",
    "johnson",
    "brown",
    "garcia",
    "miller",
    "davis",
    "rossi",
    "muller",
    "novak",
    "jensen",
    "kowalski",
    "silva",
    "dubois",
    "martin",
    "moreau",
    "weber",
    "wagner",
    "costa",
    "santos",
    "nielsen",
    "larsen",
    "ivanov",
    "petrov",
    "yilmaz",
    "kaya",
    "haddad",
    "rahman",
    "okafor",
    "mensah",
    "tanaka",
]
_TRADITIONAL = str.maketrans(
    "张刘陈杨黄赵吴马罗郑谢许韩冯邓萧董叶苏吕卢姚钟姜谭陆龙万钱严丽军艳娟涛兰刚国华红嘉",
    "張劉陳楊黃趙吳馬羅鄭謝許韓馮鄧蕭董葉蘇呂盧姚鍾姜譚陸龍萬錢嚴麗軍艷娟濤蘭剛國華紅嘉",
)
_CITIES = [
    "上海",
    "北京",
    "深圳",
    "广州",
    "成都",
    "杭州",
    "武汉",
    "西安",
    "南京",
    "重庆",
    "London",
    "Berlin",
    "Paris",
    "Milano",
]
_CITY_WEIGHTS = [16, 15, 10, 10, 9, 8, 7, 6, 6, 5, 3, 2, 2, 1]
_DOMAINS = ["163.com", "qq.com", "gmail.com", "outlook.com", "126.com", "icloud.com"]
_PREFIXES = [
    "134",
    "135",
    "136",
    "137",
    "138",
    "139",
    "150",
    "151",
    "152",
    "157",
    "158",
    "159",
    "182",
    "183",
    "187",
    "188",
    "199",
]
_SOURCES = ["service", "tmall", "pos", "app", "web", "wechat", "crm", "jd"]
_MARKETS = ("tmall", "jd")
_PLACEHOLDER_PHONES = ["13800138000", "11111111111", "00000000000", "13000000000", "1", "12345678901"]
_PLACEHOLDER_EMAILS = [
    "test@test.com",
    "none@none.com",
    "123@qq.com",
    "admin@admin.com",
    "noreply@shop.com",
    "null@null.com",
]


@dataclass
class _Person:
    """One person: what is stable, and the number in use."""

    person_id: str
    case: str
    name: str
    birth: date
    city: str
    phone: str
    email: str
    device: str
    member: str
    is_member: bool
    unionid: str
    openid: str
    uids: dict[str, str] = field(default_factory=dict)


def identity_world(seed: int, people: int = 5_000) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and truth of about `people` people; equal seeds give equal tables. Records come in random order."""
    world = _World(seed)
    for case, share in SHARES.items():
        world.grow(case, max(2, round(people * share)))
    for _ in range(max(1, people // 2_500)):
        world.ring()
    return world.tables()


class _World:
    """Draws people and their records."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.rows: list[dict[str, Any]] = []
        self.truth: list[tuple[str, str, str]] = []
        self.people_n = 0
        self._phones: set[str] = set()

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Records and truth, shuffled."""
        order = list(range(len(self.rows)))
        self.rng.shuffle(order)
        records = pl.DataFrame([self.rows[i] for i in order], schema=RECORDS)
        return records, pl.DataFrame([self.truth[i] for i in order], schema=TRUTH, orient="row")

    # --- people -------------------------------------------------------------------------------------------------

    def person(self, case: str, **fixed: Any) -> _Person:
        """A new person; `fixed` sets what the case prescribes."""
        self.people_n += 1
        city = self.rng.choices(_CITIES, _CITY_WEIGHTS)[0]
        name = self.latin() if ord(city[0]) < 128 or self.chance(0.05) else self.chinese()
        drawn: dict[str, Any] = {
            "person_id": f"P{self.people_n:06d}", "case": case, "name": name, "city": city,
            "birth": date(1950, 1, 1) + timedelta(days=self.rng.randrange(20_000)),
            "phone": self.number(), "email": self.address(), "device": f"dev{self.token(10)}",
            "member": f"M{self.digits(9)}", "is_member": self.chance(0.65),
            "unionid": f"u{self.token(12)}", "openid": f"o{self.token(12)}",
        }  # fmt: skip
        return _Person(**(drawn | fixed))

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
            self.history(p, until=_DAYS // 2)
            p.city = self.rng.choice(_CITIES[:10])
            self.history(p, since=_DAYS // 2)

    def families(self, case: str, n: int) -> None:
        """Two to four people on one number, mostly under one roof."""
        left = n
        while left > 0:
            size = min(left, self.rng.randint(2, 4))
            head = self.person(case)
            self.history(head)
            for _ in range(size - 1):
                more = {"phone": head.phone}
                if self.chance(0.6):
                    more["city"] = head.city
                if not head.name.isascii():
                    more["name"] = head.name[0] + self.given() if self.chance(0.6) else self.chinese()
                self.history(self.person(case, **more))
            left -= size

    def associate(self, case: str, n: int) -> None:
        """Walk-ins for whom a shop assistant keyed in her own number; they come back under their own."""
        number = self.number()
        for _ in range(n):
            p = self.person(case, city=_CITIES[0])
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
            self.history(p, until=_DAYS // 2)
            p.name = f"{p.name.split()[0]} {self.rng.choice(_LAST)}"
            self.history(p, since=_DAYS // 2)

    def twins(self, case: str, n: int) -> None:
        """Two people of one surname, birthday, city and telephone."""
        for _ in range(n // 2):
            first = self.person(case)
            name = f"{self.rng.choice(_FIRST)} {first.name.split()[-1]}" if first.name.isascii() else ""
            second = self.person(
                case, name=name or first.name[0] + self.given(), birth=first.birth, city=first.city, phone=first.phone
            )
            for p in (first, second):
                for source in self.rng.sample(("crm", "web", "service", "app"), 3):
                    self.record(p, source)

    def crowd(self, case: str, n: int) -> None:
        """Many people on one number: a parcel locker, a switchboard, the shop's own, a placeholder nobody listed."""
        size = {"locker": 40, "switchboard": 25, "shop_number": 150, "unlisted_placeholder": 60}[case]
        source = {"locker": "web", "switchboard": "crm", "shop_number": "pos", "unlisted_placeholder": "pos"}[case]
        for start in range(0, n, size):
            number = f"010-{self.digits(8, first='68')}" if case == "switchboard" else self.number()
            city = self.rng.choice(_CITIES[:10])
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
                self.record(p, "pos", phone=self.rng.choice(_PLACEHOLDER_PHONES))
            else:
                self.record(p, "web", email=self.rng.choice(_PLACEHOLDER_EMAILS))
            self.record(p, self.rng.choice(["service", "crm", "app"]))

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

    def history(self, p: _Person, since: int = 0, until: int = _DAYS) -> None:
        """One to five records of a person, three on average and one in a source as a rule; markets in plain cases."""
        sources = [s for s in _SOURCES if s not in _MARKETS or p.case in ("plain", "moved")]
        drawn = self.rng.sample(sources, self.rng.choice((1, 2, 2, 3, 3, 4, 5)))
        if self.chance(0.15):
            drawn.append(self.rng.choice(drawn))
        for source in drawn:
            self.record(p, source, since=since, until=until)

    def record(
        self,
        p: _Person,
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
        if source in _MARKETS:
            row["shop_buyer_uid"] = p.uids.setdefault(source, f"{source}_{self.token(10)}")
        row |= dict.fromkeys(drops)
        self.rows.append(row)
        self.truth.append((row["record_id"], p.person_id, p.case))

    def contact(
        self, row: dict[str, Any], p: _Person, source: str, fill: dict[str, float], phone: str | None,
        email: str | None, keeps_email: bool,
    ) -> None:  # fmt: skip
        """Telephone, e-mail and name as the source writes them."""
        is_market = source in _MARKETS
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

    # --- writing ------------------------------------------------------------------------------------------------

    def written(self, number: str) -> str:
        """A number in one of the ways people write it."""
        if not number.startswith("1") or len(number) != 11:
            return number
        styles = [
            number, number, number, f"+86 {number[:3]} {number[3:7]} {number[7:]}",
            f"{number[:3]}-{number[3:7]}-{number[7:]}", f"0086{number}", f" {number} ",
            number.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        ]  # fmt: skip
        return self.rng.choice(styles)

    def written_email(self, address: str) -> str:
        """An address with capitals or, at Gmail, dots and tags."""
        local, domain = address.split("@")
        if domain == "gmail.com" and self.chance(0.3):
            return f"{local[:2]}.{local[2:]}+shop@{domain}"
        return address.upper() if self.chance(0.1) else address

    def written_name(self, name: str) -> str:
        """A name with full-width spaces, traditional characters, swapped parts or a typing error."""
        if not name.isascii():
            name = name.translate(_TRADITIONAL) if self.chance(0.05) else name
            return f"{name[0]}　{name[1:]}" if self.chance(0.04) else name
        first, last = name.split()
        if self.chance(0.1):
            return f"{last.upper()} {first}"
        if self.chance(0.06):
            cut = self.rng.randrange(len(name))
            name = name[:cut] + name[cut + 1 :]
        return name.title() if self.chance(0.8) else name

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def digits(self, n: int, first: str = "0123456789") -> str:
        return self.rng.choice(first) + "".join(self.rng.choices("0123456789", k=n - 1))

    def token(self, n: int) -> str:
        return "".join(self.rng.choices("0123456789abcdef", k=n))

    def number(self) -> str:
        """A mobile number that nobody has."""
        while True:
            number = f"{self.rng.choice(_PREFIXES)}{self.digits(8)}"
            if number not in self._phones:
                self._phones.add(number)
                return number

    def address(self) -> str:
        local = self.rng.choice(_FIRST) + self.digits(6) if self.chance(0.7) else self.digits(9, "123456789")
        return f"{local}@{self.rng.choice(_DOMAINS)}"

    def given(self) -> str:
        return "".join(self.rng.choices(_GIVEN, k=1 + self.chance(0.7)))

    def chinese(self) -> str:
        return self.rng.choices(_SURNAMES, _SURNAME_WEIGHTS)[0] + self.given()

    def latin(self) -> str:
        return f"{self.rng.choice(_FIRST)} {self.rng.choice(_LAST)}"
