"""The registry: every mart, in an order in which each reads only core and marts before it.

Lives here: one plain list. Stays out: the marts themselves. A new mart is one module and one line here.
"""

from __future__ import annotations

from pipelines.contracts.marts import Mart
from pipelines.marts.customer import customer_channel
from pipelines.marts.ltv import customer_ltv_historical
from pipelines.marts.profit import mart_coverage

MARTS: tuple[Mart, ...] = (
    mart_coverage.MART,
    customer_ltv_historical.MART,
    customer_channel.MART,
)
