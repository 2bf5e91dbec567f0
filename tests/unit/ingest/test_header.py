"""Headers: every real layout is recognised by names in any order; what fits nothing is refused with the difference."""

from __future__ import annotations

import random

import pytest

from pipelines.channels.registry import RAW_TABLES
from pipelines.channels.registry import raw_table as raw_table_called
from pipelines.contracts.entities import ENTITIES
from pipelines.ingest import FileReason, FileRefusedError
from pipelines.ingest.header import leading_cells, read_header, read_names, split_record

SHOPIFY_ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,"
    "Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,"
    "Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
    "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,"
    "Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,"
    "Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,"
    "Payment Terms Name,Next Payment Due At,Payment References"
)
SHOPIFY_HELP_PAGE = (
    SHOPIFY_ORDERS.replace("Lineitem compare at price", "Lineitem compare-at price")
    .replace("Lineitem sku", "Lineitem SKU")
    .replace("Cancelled at", "Canceled at")
    .replace("Payment Terms Name", "Payment terms")
    .replace("Next Payment Due At", "Next payment due at")
    .replace("Payment Reference,", "Payment Reference (deprecated),")
)
CUSTOMERS_OLD = (
    "First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,Phone,"
    "Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt"
)
CUSTOMERS_MIDDLE = (
    "First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,Province Code,Country,"
    "Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt"
)
CUSTOMERS_NEW = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Accepts WhatsApp Marketing,Total Spent,"
    "Total Orders,Note,Tax Exempt,Tags"
)
TMALL_ORDERS = (
    "订单编号,买家会员名,买家支付宝账号,买家应付货款,买家应付邮费,买家支付积分,总金额,返点积分,买家实际支付金额,"
    "买家实际支付积分,订单状态,买家留言,收货人姓名,收货地址,运送方式,联系电话,联系手机,订单创建时间,订单付款时间,"
    "宝贝标题,宝贝种类,物流单号,物流公司,订单备注,宝贝总数量,店铺Id,店铺名称,订单关闭原因,卖家服务费,买家服务费,"
    "发票抬头,是否手机订单,分阶段订单信息,特权订金订单id,定金排名,修改后的sku,修改后的收货地址,异常信息,天猫卡券抵扣,"
    "集分宝抵扣,是否是O2O交易"
)
TMALL_LINES = (
    "子订单编号,主订单编号,标题,价格,购买数量,外部系统编号,商品属性,套餐信息,备注,订单状态,商家编码,支付单号,"
    "买家应付货款,买家实际支付金额,退款状态,退款金额,订单创建时间,订单付款时间"
)
SQUARE_TRANSACTIONS = (
    "Date,Time,Time Zone,Gross Sales,Discounts,Service Charges,Net Sales,Gift Card Sales,Tax,Tip,Partial Refunds,"
    "Total Collected,Source,Card,Card Entry Methods,Cash,Square Gift Card,Other Tender,Other Tender Type,"
    "Other Tender Note,Fees,Net Total,Transaction ID,Payment ID,Card Brand,PAN Suffix,Device Name,Staff Name,Staff ID,"
    "Details,Description,Event Type,Location,Dining Option,Customer ID,Customer Name,Customer Reference ID,"
    "Device Nickname,Deposit ID,Deposit Date,Deposit Details,Fee Percentage Rate,Fee Fixed Rate,Refund Reason,"
    "Discount Name,Transaction Status"
)
SQUARE_ITEMS = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,"
    "Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,"
    "Customer Reference ID,Unit,Count,Itemization Type"
)
REAL = {
    "shopify__orders": (SHOPIFY_ORDERS, SHOPIFY_HELP_PAGE),
    "shopify__customers": (CUSTOMERS_OLD, CUSTOMERS_MIDDLE, CUSTOMERS_NEW),
    "tmall__orders": (TMALL_ORDERS,),
    "tmall__order_lines": (TMALL_LINES,),
    "square__transactions": (SQUARE_TRANSACTIONS, SQUARE_TRANSACTIONS.replace("Service Charges,", "")),
    "square__items": (SQUARE_ITEMS,),
    **{f"canonical__{name}": (",".join(entity.names),) for name, entity in ENTITIES.items()},
}
CASES = [(table, header) for table, headers in REAL.items() for header in headers]


def refused(header: str, **more: bool) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        read_header(header.encode() + b"\n", RAW_TABLES, **more)
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("table", "header"), CASES)
def test_every_real_layout_is_recognised_in_any_order_and_spelling(table: str, header: str, delimiter: str) -> None:
    names = header.split(",")
    random.Random(table).shuffle(names)
    names = [f' "{name.upper()}" '.strip() if i % 3 else f"{name}" for i, name in enumerate(names)]
    layout = read_header(delimiter.join(names).encode() + b"\n1\n", RAW_TABLES)
    assert (layout.table.name, layout.delimiter, layout.width) == (table, delimiter, len(names))
    assert layout.extra == ()
    assert layout.warnings == ()
    for field in layout.table.fields:
        if field.name in layout.positions:
            header_there = names[layout.positions[field.name]].strip('"').casefold()
            assert header_there in {spelling.casefold() for spelling in field.headers}


@pytest.mark.parametrize(("table", "header"), CASES)
def test_every_column_of_a_real_layout_is_read_or_known(table: str, header: str) -> None:
    layout = read_header(header.encode() + b"\n", RAW_TABLES)
    fields = {field.name for field in raw_table_called(table).fields}
    assert set(layout.positions) <= fields
    assert len(layout.positions) >= 0.8 * len(header.split(",")) - len(layout.table.known_headers)


def test_a_renamed_column_is_refused_with_the_likely_one() -> None:
    error = refused(SHOPIFY_ORDERS.replace("Created at", "Created_at").replace("Lineitem price", "Price"))
    assert error.code is FileReason.SCHEMA_DRIFT
    assert "shopify__orders" in str(error)
    assert "'Created at' (is it 'created_at'?)" in str(error)
    assert "'Lineitem price'" in str(error)


def test_an_unknown_header_is_refused_with_the_nearest_format() -> None:
    error = refused("alpha,beta,gamma")
    assert error.code is FileReason.UNKNOWN_HEADER
    assert "nearest" in str(error)


def test_a_small_fingerprint_alone_convinces_nobody() -> None:
    assert refused("sku,height,width,depth,weight").code is FileReason.UNKNOWN_HEADER
    assert read_header(b"sku,title,brand\n", RAW_TABLES).table.name == "canonical__product"


def test_a_column_named_twice_is_refused() -> None:
    assert refused(SHOPIFY_ORDERS + ",Total").code is FileReason.SCHEMA_DRIFT
    layout = read_header((SHOPIFY_ORDERS + ",Colour,Colour").encode(), RAW_TABLES)
    assert layout.extra == ("colour",)


def test_extra_columns_are_left_out_with_a_warning_or_refused_when_frozen() -> None:
    layout = read_header((SHOPIFY_ORDERS + ",Shoe size").encode(), RAW_TABLES)
    assert "shoe size" in layout.warnings[0]
    assert refused(SHOPIFY_ORDERS + ",Shoe size", freeze=True).code is FileReason.SCHEMA_DRIFT


def test_a_file_without_header_does_not_leak_its_first_row() -> None:
    error = refused("#1001,ann@example.org,paid,2024-01-01,+14155550100,12.50")
    assert "ann@" not in str(error)
    assert "14155550100" not in str(error)


def test_marks_and_separator_lines_before_the_header() -> None:
    layout = read_header(b"\n\nsep=;\n" + TMALL_LINES.replace(",", ";").encode() + b"\nx\n", RAW_TABLES)
    assert (layout.delimiter, layout.first_row_line) == (";", 5)
    quoted = ("\ufeff" + SHOPIFY_ORDERS.replace("Notes", '"Notes\n"')).encode()
    layout = read_header(quoted + b"\nrow", RAW_TABLES)
    assert layout.first_row_line == 3
    assert quoted[layout.skip_bytes :] == b""


def test_parquet_columns_are_matched_by_name_too() -> None:
    names = [
        "week",
        *[f.headers[0] for f in raw_table_called("completejourney__transactions").fields if f.name != "week"],
    ]
    assert read_names(names, RAW_TABLES).table.name == "completejourney__transactions"


def test_cells_of_whole_and_of_damaged_records() -> None:
    assert split_record(b'a,"b ""x"", y",,"d\ne"', b",") == ["a", 'b "x", y', "", "d\ne"]
    assert leading_cells(b'a,"b","c', b",") == ["a", "b"]
    assert leading_cells(b'a,"b"x,c', b",") == ["a"]
