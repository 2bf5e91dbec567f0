"""Words the simulated company is made of: names of people, places, goods and campaigns.

Lives here: word lists only. Stays out: how they are combined.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Alice Amara Amelia Anna Arthur Asha Ben Bianca Bruno Caleb Carla Cecilia Chloe Clara Daniel Daria David "
    "Diego Dora Edith Elena Eli Emil Emma Eric Esther Felix Fiona Frank Freya Gina Grace Hannah Harry Hugo Ida Igor "
    "Ines Iris Isaac Ivan Jack Jane Jasper Joan Jonas Julia Karim Kate Lara Leo Lena Lily Louis Lucy Luis Mara "
    "Marco Maria Max Mia Milo Mina Nadia Nina Noah Nora Oliver Olga Omar Oscar Paul Petra Priya Quinn Rafael Rita "
    "Robin Rosa Ruth Sam Sara Selma Simon Sofia Stella Tara Theo Tina Tom Uma Vera Victor Wanda Will Yara Yusuf Zoe "
)
LAST_NAMES = _words(
    "Abbott Adler Allen Archer Bailey Baker Barnes Becker Bell Bennett Berg Bishop Blake Bloom Bowman Brandt Brooks "
    "Burke Carter Castro Chan Clarke Cohen Cole Cook Costa Cruz Dalton Davies Dean Diaz Dixon Doyle Duarte Dunn "
    "Ellis Evans Falk Faulkner Fisher Flores Ford Foster Fox Garcia Gibson Gomez Grant Gray Green Hale Hall Hansen "
    "Harper Hayes Hill Holt Howard Hughes Hunt Ibarra Jacobs James Jensen Jones Kaplan Keller Kelly Khan Klein "
    "Knight Lambert Lane Larsen Lee Lewis Lopez Lund Marsh Martin Mason Meyer Miller Moore Moreno Morgan Nash "
    "Nguyen Novak Ochoa Olsen Owens Palmer Park Parker Patel Perez Porter Price Quintero Ramos Reed Reyes Rhodes "
    "Rice Rivera Rossi Roth Russo Santos Schmidt Shah Shaw Silva Singh Snyder Soto Stein Stone Sutton Taylor Torres "
    "Turner Vance Vargas Vogel Wade Walker Walsh Ward Watts Webb Weiss Wells West White Wolf Wright Young Ziegler "
)
CN_SURNAMES = tuple("王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高梁郑谢宋唐许韩冯邓曹彭曾")
CN_GIVEN = tuple("伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉玲婷雪佳梅琳欣怡宇浩晨轩子涵思雨")
PINYIN = _words(
    "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin luo gao liang zheng xie song tang "
    "xu han feng deng cao peng zeng "
)
"""Romanised surnames, in the order of `CN_SURNAMES`."""

EMAIL_DOMAINS = ("mail.example.com", "post.example.org", "inbox.example.net", "home.example.com", "web.example.org")

US_CITIES = (
    ("New York", "NY", "New York", "8.875", "212"),
    ("Brooklyn", "NY", "New York", "8.875", "718"),
    ("San Francisco", "CA", "California", "8.625", "415"),
    ("Los Angeles", "CA", "California", "9.5", "213"),
    ("Seattle", "WA", "Washington", "10.25", "206"),
    ("Austin", "TX", "Texas", "8.25", "512"),
    ("Houston", "TX", "Texas", "8.25", "713"),
    ("Chicago", "IL", "Illinois", "10.25", "312"),
    ("Boston", "MA", "Massachusetts", "6.25", "617"),
    ("Atlanta", "GA", "Georgia", "8.9", "404"),
    ("Denver", "CO", "Colorado", "8.81", "303"),
    ("Portland", "OR", "Oregon", "0", "503"),
    ("Dover", "DE", "Delaware", "0", "302"),
    ("Manchester", "NH", "New Hampshire", "0", "603"),
)
"""City, state code, state, sales tax in percent, area code."""

CN_CITIES = (
    ("上海市", "上海", "浦东新区"),
    ("北京市", "北京", "朝阳区"),
    ("广州市", "广东省", "天河区"),
    ("深圳市", "广东省", "南山区"),
    ("杭州市", "浙江省", "西湖区"),
    ("成都市", "四川省", "武侯区"),
    ("南京市", "江苏省", "鼓楼区"),
    ("武汉市", "湖北省", "洪山区"),
)
"""City, province, district."""

GB_CITIES = ("London", "Leeds", "Bristol", "Glasgow", "Cardiff", "Norwich")
CN_MOBILE_PREFIXES = ("138", "139", "150", "151", "158", "159", "186", "187", "188", "189")

CATEGORIES = (
    ("Home", "Kitchen", "Cookware", 28, False, 240),
    ("Home", "Kitchen", "Coffee", 18, True, 35),
    ("Home", "Living", "Textiles", 36, False, 300),
    ("Home", "Living", "Lighting", 64, False, 420),
    ("Beauty", "Skin", "Care", 24, True, 60),
    ("Beauty", "Skin", "Sun", 19, True, 120),
    ("Beauty", "Hair", "Care", 16, True, 50),
    ("Outdoor", "Camping", "Shelter", 140, False, 600),
    ("Outdoor", "Camping", "Cooking", 42, False, 365),
    ("Outdoor", "Travel", "Bags", 78, False, 480),
    ("Food", "Tea", "Leaf", 15, True, 40),
    ("Food", "Snacks", "Nuts", 9, True, 21),
)
"""Three category levels, typical list price in dollars, consumable, typical days between purchases."""

GOODS = {
    "Cookware": ("Pan", "锅"),
    "Coffee": ("Coffee Beans", "咖啡豆"),
    "Textiles": ("Throw", "盖毯"),
    "Lighting": ("Lamp", "台灯"),
    "Care": ("Cream", "面霜"),
    "Sun": ("Sun Lotion", "防晒乳"),
    "Shelter": ("Tent", "帐篷"),
    "Cooking": ("Stove", "炉具"),
    "Bags": ("Backpack", "背包"),
    "Leaf": ("Tea", "茶叶"),
    "Nuts": ("Nut Mix", "坚果"),
}
STYLES = ("Alba", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Haze", "Iris", "Juniper", "Koi", "Linden")
BRANDS = ("Northlight", "Kestrel & Co", "Maison Verte", "山月")

CHANNELS = (
    ("organic_search", ("",)),
    ("paid_search", ("search-brand", "search-generic")),
    ("paid_social", ("social-lookalike", "social-video", "social-retarget")),
    ("influencer", ("kol-spring", "kol-autumn")),
    ("referral", ("refer-a-friend",)),
    ("email", ("newsletter",)),
    ("marketplace", ("tmall-search", "tmall-feed")),
    ("walk_in", ("",)),
)
"""Traffic channels that bring people, and their campaigns."""
