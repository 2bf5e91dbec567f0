"""Identity people: the persons of the identity world, and the many ways in which clerks write what they say.

Lives here: lists of names and places, random persons, and the writing of numbers, addresses and names.
Stays out: which persons share what, and their records (`identity_world`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
    "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
SURNAME_WEIGHTS = [1 / (rank + 5) for rank in range(len(SURNAMES))]
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂子轩浩宇涵怡梓诺佳欣志国华文玉红梅思然泽雨辉嘉"
FIRST = [
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
LAST = [
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
TRADITIONAL = str.maketrans(
    "张刘陈杨黄赵吴马罗郑谢许韩冯邓萧董叶苏吕卢姚钟姜谭陆龙万钱严丽军艳娟涛兰刚国华红嘉",
    "張劉陳楊黃趙吳馬羅鄭謝許韓馮鄧蕭董葉蘇呂盧姚鍾姜譚陸龍萬錢嚴麗軍艷娟濤蘭剛國華紅嘉",
)
CITIES = [
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
CITY_WEIGHTS = [16, 15, 10, 10, 9, 8, 7, 6, 6, 5, 3, 2, 2, 1]
DOMAINS = ["163.com", "qq.com", "gmail.com", "outlook.com", "126.com", "icloud.com"]
PREFIXES = [
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
SOURCES = ["service", "tmall", "pos", "app", "web", "wechat", "crm", "jd"]
MARKETS = ("tmall", "jd")
PLACEHOLDER_PHONES = ["13800138000", "11111111111", "00000000000", "13000000000", "1", "12345678901"]
PLACEHOLDER_EMAILS = [
    "test@test.com",
    "none@none.com",
    "123@qq.com",
    "admin@admin.com",
    "noreply@shop.com",
    "null@null.com",
]


@dataclass
class Person:
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


class Hand:
    """Draws persons and writes what is known of them."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self._people_n = 0
        self._phones: set[str] = set()

    def person(self, case: str, **fixed: Any) -> Person:
        """A new person; `fixed` sets what the case prescribes."""
        self._people_n += 1
        city = self.rng.choices(CITIES, CITY_WEIGHTS)[0]
        name = self.latin() if ord(city[0]) < 128 or self.chance(0.05) else self.chinese()
        drawn: dict[str, Any] = {
            "person_id": f"P{self._people_n:06d}", "case": case, "name": name, "city": city,
            "birth": date(1950, 1, 1) + timedelta(days=self.rng.randrange(20_000)),
            "phone": self.number(), "email": self.address(), "device": f"dev{self.token(10)}",
            "member": f"M{self.digits(9)}", "is_member": self.chance(0.65),
            "unionid": f"u{self.token(12)}", "openid": f"o{self.token(12)}",
        }  # fmt: skip
        return Person(**(drawn | fixed))

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
            name = name.translate(TRADITIONAL) if self.chance(0.05) else name
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
            number = f"{self.rng.choice(PREFIXES)}{self.digits(8)}"
            if number not in self._phones:
                self._phones.add(number)
                return number

    def address(self) -> str:
        local = self.rng.choice(FIRST) + self.digits(6) if self.chance(0.7) else self.digits(9, "123456789")
        return f"{local}@{self.rng.choice(DOMAINS)}"

    def given(self) -> str:
        return "".join(self.rng.choices(GIVEN, k=1 + self.chance(0.7)))

    def chinese(self) -> str:
        return self.rng.choices(SURNAMES, SURNAME_WEIGHTS)[0] + self.given()

    def latin(self) -> str:
        return f"{self.rng.choice(FIRST)} {self.rng.choice(LAST)}"
