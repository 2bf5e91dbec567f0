"""Tmall and Taobao: ExportOrderList (orders) and ExportOrderDetail (lines), in GB18030.

Lives here: the Chinese headers and the English raw columns they become.
Stays out: what the states mean and how subsidies are split (`dbt_project/models/staging/tmall`).

Quirks: order numbers as `="..."`, telephone numbers with a leading apostrophe, amounts with the suffix 元, buyers and
receivers masked with `*`, columns appended over the years, states that contain a full-width comma. Messages and notes
are free text and are left out of raw. `receiver_province` is the first word of the address; the address itself is
only hashed.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, Field, OrderWitness, RawTable
from pipelines.contracts.columns import DataType

_T = DataType


def _money(name: str, header: str, *, fingerprint: bool = False, required: bool = False) -> Field:
    return Field(name, (header,), _T.MONEY, fingerprint=fingerprint, required=required)


ORDERS = RawTable(
    name="tmall__orders",
    adapter="tmall",
    description="An order of a Tmall or Taobao shop (ExportOrderList).",
    key=("order_id",),
    witness=OrderWitness("order_id"),
    event="created_at",
    money="paid_amount",
    fields=(
        Field("order_id", ("订单编号",), description="Order number", fingerprint=True, required=True),
        Field("buyer_nick", ("买家会员名",), description="Member name of the buyer", fingerprint=True,
              identifier="account_id"),
        Field("buyer_alipay_account", ("买家支付宝账号",), description="Alipay account of the buyer",
              identifier="account_id", scope="alipay"),
        _money("goods_due", "买家应付货款", fingerprint=True, required=True),
        _money("shipping_due", "买家应付邮费"),
        _money("points_due", "买家支付积分"),
        _money("total_amount", "总金额", fingerprint=True, required=True),
        _money("points_rebate", "返点积分"),
        _money("paid_amount", "买家实际支付金额", fingerprint=True),
        _money("points_paid", "买家实际支付积分"),
        Field("order_status", ("订单状态",), description="State of the order", fingerprint=True, required=True),
        Field("receiver_name", ("收货人姓名",), description="Receiver", identifier="name", keeps_mask=True),
        Field("receiver_address", ("收货地址",), description="Address of delivery", identifier="address"),
        Field("receiver_province", ("收货地址",), description="Province of delivery", derive="cn_province"),
        Field("receiver_city", ("收货地址",), description="City of delivery", derive="cn_city"),
        Field("shipping_method", ("运送方式",)),
        Field("contact_phone", ("联系电话",), description="Telephone of the receiver", identifier="phone"),
        Field("contact_mobile", ("联系手机",), description="Mobile number of the receiver", identifier="phone",
              keeps_mask=True),
        Field("created_at", ("订单创建时间",), _T.TIMESTAMP, fingerprint=True, required=True),
        Field("paid_at", ("订单付款时间",), _T.TIMESTAMP),
        Field("item_title", ("宝贝标题",)),
        Field("item_kind_n", ("宝贝种类",), _T.INTEGER),
        Field("tracking_no", ("物流单号",)),
        Field("carrier", ("物流公司",)),
        Field("item_n", ("宝贝总数量",), _T.QUANTITY),
        Field("shop_id", ("店铺Id",)),
        Field("shop_name", ("店铺名称",)),
        Field("close_reason", ("订单关闭原因",)),
        _money("seller_service_fee", "卖家服务费"),
        _money("buyer_service_fee", "买家服务费"),
        Field("invoice_title", ("发票抬头",), identifier="name"),
        Field("is_mobile_order", ("是否手机订单",), _T.BOOLEAN),
        Field("staged_order_info", ("分阶段订单信息",)),
        Field("deposit_order_id", ("特权订金订单id",)),
        Field("deposit_rank", ("定金排名",)),
        Field("changed_sku", ("修改后的sku",)),
        Field("changed_address", ("修改后的收货地址",), identifier="address"),
        Field("exception_info", ("异常信息",)),
        _money("card_deduction", "天猫卡券抵扣"),
        _money("points_deduction", "集分宝抵扣"),
        Field("is_o2o", ("是否是O2O交易",), _T.BOOLEAN),
    ),
    known_headers=("买家留言", "订单备注"),
)  # fmt: skip

ORDER_LINES = RawTable(
    name="tmall__order_lines",
    adapter="tmall",
    description="A line of an order of a Tmall or Taobao shop (ExportOrderDetail).",
    key=("sub_order_id",),
    witness=OrderWitness("order_id", "coalesce(goods_due, price * quantity)", lists=False),
    event="created_at",
    money="paid_amount",
    fields=(
        Field("sub_order_id", ("子订单编号",), description="Line number", fingerprint=True, required=True),
        Field("order_id", ("主订单编号",), description="Order number", fingerprint=True, required=True),
        Field("title", ("标题",)),
        _money("price", "价格", fingerprint=True, required=True),
        Field("quantity", ("购买数量",), _T.QUANTITY, fingerprint=True, required=True),
        Field("external_code", ("外部系统编号",)),
        Field("properties", ("商品属性",)),
        Field("bundle_info", ("套餐信息",)),
        Field("order_status", ("订单状态",), description="State of the line"),
        Field("merchant_code", ("商家编码",), description="SKU of the merchant"),
        Field("payment_no", ("支付单号",)),
        _money("goods_due", "买家应付货款"),
        _money("paid_amount", "买家实际支付金额"),
        Field("refund_status", ("退款状态",)),
        _money("refund_amount", "退款金额"),
        Field("created_at", ("订单创建时间",), _T.TIMESTAMP, fingerprint=True, required=True),
        Field("paid_at", ("订单付款时间",), _T.TIMESTAMP),
    ),
    known_headers=("备注",),
)

TMALL = Adapter(
    "tmall",
    "Tmall or Taobao shop",
    (ORDERS, ORDER_LINES),
    channel="tmall",
    time_zone="Asia/Shanghai",
    currency="CNY",
    phone_region="CN",
    encodings=("gb18030",),
)
