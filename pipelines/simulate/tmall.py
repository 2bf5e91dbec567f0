"""The marketplace's files: Tmall ExportOrderList and ExportOrderDetailList by half-year, in GB18030.

Lives here: headers, how a planned marketplace order becomes rows, and the faults planted into these files.
Stays out: what is true (`world`) and writing bytes (`writer`).

Quirks kept: order numbers as `="…"`, telephones behind an apostrophe, amounts with 元 in some columns, states with a
full-width comma, a shorter layout in the first file, buyers masked from a day on unless they are members of the shop
(whose telephone may then be a number lent by the platform, with an extension), orders refunded wholly are closed though
they were paid, lines of one-line orders bear the order's own number.
The order's goods due are the sum of its lines' goods due and include what the platform pays (卡券, 集分宝).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.cards import pick
from pipelines.simulate.clock import SHANGHAI, Ints
from pipelines.simulate.names import CATEGORIES, GOODS
from pipelines.simulate.people import TMALL
from pipelines.simulate.terms import CANCELLED, NOBODY, PENDING, masked_from
from pipelines.simulate.world import Company
from pipelines.simulate.writer import (
    BAD_VALUE,
    FIELD_COUNT,
    KEY_MISSING,
    MISSING_REQUIRED,
    Fault,
    Landing,
    Layout,
    cents,
    nothing,
    only,
    spoil,
)

SOURCE, TABLE, LINE_TABLE = "tmall", "tmall__orders", "tmall__order_lines"
HEADER = (
    "订单编号", "买家会员名", "买家支付宝账号", "买家应付货款", "买家应付邮费", "买家支付积分", "总金额", "返点积分",
    "买家实际支付金额", "买家实际支付积分", "订单状态", "买家留言", "收货人姓名", "收货地址", "运送方式", "联系电话",
    "联系手机", "订单创建时间", "订单付款时间", "宝贝标题", "宝贝种类", "物流单号", "物流公司", "订单备注",
    "宝贝总数量",
    "店铺Id", "店铺名称", "订单关闭原因", "卖家服务费", "买家服务费", "发票抬头", "是否手机订单", "分阶段订单信息",
    "特权订金订单id", "定金排名", "修改后的sku", "修改后的收货地址", "异常信息", "天猫卡券抵扣", "集分宝抵扣",
    "是否是O2O交易",
)  # fmt: skip
SHORT = tuple(name for name in HEADER if name not in HEADER[33:38])
"""The first file: before deposits and changes of delivery were exported."""
LINE_HEADER = (
    "子订单编号", "主订单编号", "标题", "价格", "购买数量", "外部系统编号", "商品属性", "套餐信息", "备注", "订单状态",
    "商家编码", "支付单号", "买家应付货款", "买家实际支付金额", "退款状态", "退款金额", "订单创建时间", "订单付款时间",
)  # fmt: skip
DONE, CLOSED, UNPAID, TO_SHIP, SENT = (
    "交易成功",
    "交易关闭",
    "等待买家付款",
    "买家已付款，等待卖家发货",
    "卖家已发货，等待买家确认",
)
FAULTS = (
    Fault(BAD_VALUE, "总金额", "一百二十元"),
    Fault(KEY_MISSING, "订单编号"),
    Fault(FIELD_COUNT, fields=-4),
    Fault(BAD_VALUE, "订单创建时间", "2025-13-40 25:61:00"),
    Fault(FIELD_COUNT, fields=1),
)
LINE_FAULTS = (
    Fault(BAD_VALUE, "价格", "12.3.4"),
    Fault(MISSING_REQUIRED, "主订单编号"),
    Fault(BAD_VALUE, "购买数量", "半"),
    Fault(FIELD_COUNT, fields=-2),
)


def _cell(text: pl.Series) -> pl.Series:
    """Text as a spreadsheet formula, so that long numbers survive."""
    return '="' + text + '"'


def _yuan(amount: Ints) -> pl.Series:
    return cents(amount) + "元"


def _masked(text: pl.Series) -> pl.Series:
    return text.str.slice(0, 1) + "**"


def _refunded(company: Company) -> tuple[Ints, Ints]:
    """Cents refunded by line, and lines given back by order."""
    refunds, lines = company.refunds, company.lines
    by_line = np.zeros(len(lines.sku), dtype=np.int64)
    here = company.orders.visits.source[refunds.order] == TMALL
    np.add.at(by_line, refunds.line[here], refunds.goods[here] // 100)
    whole = np.zeros(company.orders.visits.n, dtype=np.int64)
    full = here & (refunds.goods + refunds.subsidy == lines.amount[refunds.line] * 100)
    np.add.at(whole, refunds.order[full], 1)
    return by_line, whole


def _states(company: Company, order: Ints, given_back: Ints) -> pl.Series:
    orders, clock = company.orders, company.clock
    age = clock.n_days - orders.visits.day[order]
    state = np.select([age > 12, age > 3], [0, 4], 3)
    state = np.where(given_back[order] == company.lines.spans.size[order], 1, state)
    state = np.where(orders.status[order] == CANCELLED, 1, np.where(orders.status[order] == PENDING, 2, state))
    return pick((DONE, CLOSED, UNPAID, TO_SHIP, SENT), state)


def _buyers(company: Company, order: Ints) -> dict[str, pl.Series]:
    """Who buys and receives: masked, or behind a number that the platform lends for two weeks, from the day on."""
    visits = company.orders.visits
    person, masked = visits.person[order], company.orders.key[order] == NOBODY
    lent = ~masked & (visits.day[order] >= masked_from(company.clock)) & (order % 4 == 1)
    cards = company.cards[person]
    frame = pl.DataFrame(
        {
            "masked": masked,
            "lent": lent,
            "phone": cards["phone"],
            "borrowed": "170" + pl.Series(10_000_000 + order * 7_919 % 89_999_999).cast(str),
            "extension": pl.Series(1_000 + order * 37 % 9_000).cast(str),
            "nick": cards["nick"],
            "name": cards["cn_name"],
            "where": cards["region"] + " " + cards["city"] + " " + cards["region_name"] + " ",
            "street": pl.Series(person % 300 + 1).cast(str) + "号",
        }
    )
    mask, phone = pl.when("masked"), pl.col("phone")
    hidden = phone.str.slice(0, 3) + "****" + phone.str.slice(7)
    virtual = pl.col("borrowed") + "-" + pl.col("extension")
    shown = frame.select(
        mask.then(pl.col("nick").str.slice(0, 1) + "**").otherwise("nick").alias("买家会员名"),
        hidden.alias("买家支付宝账号"),
        mask.then(pl.col("name").str.slice(0, 1) + "**").otherwise("name").alias("收货人姓名"),
        (pl.col("where") + mask.then(pl.lit("***")).otherwise("street")).alias("收货地址"),
        pl.lit("'null").alias("联系电话"),
        ("'" + mask.then(hidden).when("lent").then(virtual).otherwise(phone)).alias("联系手机"),
    )
    return shown.to_dict()


def orders_frame(company: Company, order: Ints, given_back: Ints) -> pl.DataFrame:
    """Rows of ExportOrderList."""
    orders, clock = company.orders, company.clock
    paid, goods, shipping = orders.paid[order], orders.goods[order], orders.shipping[order]
    asked = goods + shipping
    spans, closed = company.lines.spans, orders.status[order] == CANCELLED
    back = given_back[order] == spans.size[order]
    blank, zero = nothing(len(order)), cents(order * 0)
    columns = {
        "订单编号": _cell(company.order_id.gather(order)),
        **_buyers(company, order),
        "买家应付货款": cents(goods),
        "买家应付邮费": cents(shipping),
        "总金额": _yuan(asked),
        "买家实际支付金额": _yuan(np.where(paid >= 0, asked - orders.subsidy[order], 0)),
        **{name: pick(("0",), order * 0) for name in ("买家支付积分", "返点积分", "买家实际支付积分")},
        "订单状态": _states(company, order, given_back),
        "买家留言": only(pick(("请尽快发货, 谢谢", "送人的，请包装好"), order % 2), order % 23 == 4),
        "运送方式": pick(("快递",), order * 0),
        "订单创建时间": clock.local_text(SHANGHAI, orders.visits.utc[order]),
        "订单付款时间": only(clock.local_text(SHANGHAI, np.maximum(paid, 0)), paid >= 0),
        "宝贝标题": _title(company, spans.first[order]),
        "宝贝种类": pl.Series(spans.size[order]).cast(str),
        "物流单号": only("No:" + pl.Series(order * 7_919 + 75_000_000_000).cast(str), paid >= 0),
        "物流公司": only(pick(("顺丰速运", "中通快递"), order % 2), paid >= 0),
        "宝贝总数量": pl.Series(spans.total(company.lines.qty)[order]).cast(str),
        "店铺Id": pick(("0",), order * 0),
        "店铺名称": pick(("山月旗舰店",), order * 0),
        "订单关闭原因": pick(("订单未关闭", "买家未付款", "退款"), np.where(closed, 1, np.where(back, 2, 0))),
        "卖家服务费": zero + "元",
        "买家服务费": zero + "元",
        "是否手机订单": pick(("手机订单", ""), (order % 4 == 0).astype(np.int64)),
        "天猫卡券抵扣": cents(orders.coupon[order]),
        "集分宝抵扣": cents(orders.points[order]),
    }
    return pl.DataFrame({name: columns.get(name, blank) for name in HEADER})


def _title(company: Company, line: Ints) -> pl.Series:
    """Titles in Chinese, by category."""
    words = [f"山月 {GOODS[category[2]][1]}" for category in CATEGORIES]
    return pick(words, company.catalogue.category[company.lines.sku[line]]) + " " + company.sku.gather(line)


def lines_frame(company: Company, line: Ints, refunded: Ints, given_back: Ints) -> pl.DataFrame:
    """Rows of ExportOrderDetailList."""
    lines, orders, clock = company.lines, company.orders, company.clock
    order = lines.spans.order[line]
    paid, back = orders.paid[order], refunded[line]
    subsidy = lines.spans.share(orders.subsidy, lines.amount)[line]
    blank = nothing(len(line))
    columns = {
        "子订单编号": _cell(company.line_id.gather(line)),
        "主订单编号": _cell(company.order_id.gather(order)),
        "标题": _title(company, line),
        "价格": cents(lines.price[line]),
        "购买数量": pl.Series(lines.qty[line]).cast(str),
        "外部系统编号": company.sku.gather(line),
        "商品属性": pick(("颜色分类:米白", "规格:标准, 单件"), line % 2),
        "订单状态": _states(company, order, given_back),
        "商家编码": company.sku.gather(line),
        "支付单号": only(_cell(pl.Series(orders.visits.utc[order] + 10**15 + order * 1_000_003).cast(str)), paid >= 0),
        "买家应付货款": cents(lines.amount[line]),
        "买家实际支付金额": cents(np.where(paid >= 0, lines.amount[line] - subsidy, 0)),
        "退款状态": pick(("没有申请退款", "退款成功"), (back > 0).astype(np.int64)),
        "退款金额": cents(back) + "元",
        "订单创建时间": clock.local_text(SHANGHAI, orders.visits.utc[order]),
        "订单付款时间": only(clock.local_text(SHANGHAI, np.maximum(paid, 0)), paid >= 0),
    }
    return pl.DataFrame({name: columns.get(name, blank) for name in LINE_HEADER})


def write_tmall(company: Company, landing: Landing) -> None:
    """Write the folder of the marketplace."""
    landing.declare(
        SOURCE, adapter="tmall", channel="tmall", time_zone=SHANGHAI, currency="CNY", phone_region="CN",
        encoding="gb18030", complete_to=company.clock.last_day.isoformat(),
    )  # fmt: skip
    layout = Layout(encoding="gb18030", newline="\r\n")
    order = company.of(TMALL)
    refunded, given_back = _refunded(company)
    month = company.clock.month_of[company.orders.visits.day]
    halves = company.half_years(month[order])
    for half, (label, rows) in enumerate(halves):
        chosen = order[rows]
        frame = orders_frame(company, chosen, given_back).select(HEADER if half else SHORT)
        faults = FAULTS[half :: len(halves)]
        names = [{"订单编号": f'="29{half}{k:016d}"'} for k in range(len(faults))]
        broken = spoil(frame, np.arange(frame.height), faults, names)
        landing.write(SOURCE, f"ExportOrderList{label.replace('-', '')}.csv", TABLE, frame, layout, broken)
        line = np.flatnonzero(np.isin(company.lines.spans.order, chosen))
        detail = lines_frame(company, line, refunded, given_back)
        faults = LINE_FAULTS[half :: len(halves)]
        names = [
            {"子订单编号": f'="29{half}{k:016d}1"', "主订单编号": f'="29{half}{k:016d}"'} for k in range(len(faults))
        ]
        broken = spoil(detail, np.arange(detail.height), faults, names)
        landing.write(SOURCE, f"ExportOrderDetailList{label.replace('-', '')}.csv", LINE_TABLE, detail, layout, broken)
