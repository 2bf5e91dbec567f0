"""The registry: every mart, in an order in which each reads only core and marts before it.

Lives here: one plain list. Stays out: the marts themselves. A new mart is one module and one line here.
"""

from __future__ import annotations

from pipelines.contracts.marts import Mart
from pipelines.marts.asset import (
    asset_assumptions,
    asset_forecast,
    asset_ledger,
    asset_movement,
    asset_variance,
    customer_asset,
    customer_realised_asset,
    realised_asset,
    segment_half_life,
    segment_migration,
)
from pipelines.marts.churn import churn_backtest, customer_churn_risk, customer_lifecycle, lifecycle_cut_points
from pipelines.marts.customer import customer_360, customer_channel
from pipelines.marts.identity import identity_cluster_size, identity_match_rate, identity_policy_effect
from pipelines.marts.ltv import (
    cohort_ltv,
    customer_ltv_historical,
    customer_ltv_predictive,
    ltv_backtest,
    ltv_reconciliation,
)
from pipelines.marts.profit import mart_coverage, profit_waterfall
from pipelines.marts.segments import cohort_retention, customer_rfm, rfm_thresholds, value_tier_thresholds

MARTS: tuple[Mart, ...] = (
    mart_coverage.MART,
    profit_waterfall.MART,
    customer_ltv_historical.MART,
    ltv_backtest.MART,
    cohort_ltv.MART,
    customer_ltv_predictive.MART,
    ltv_reconciliation.MART,
    lifecycle_cut_points.MART,
    churn_backtest.MART,
    customer_churn_risk.MART,
    customer_lifecycle.MART,
    rfm_thresholds.MART,
    cohort_retention.MART,
    identity_match_rate.MART,
    identity_cluster_size.MART,
    identity_policy_effect.MART,
    asset_assumptions.MART,
    customer_asset.MART,
    value_tier_thresholds.MART,
    customer_rfm.MART,
    customer_360.MART,
    customer_channel.MART,
    asset_movement.MART,
    asset_ledger.MART,
    asset_variance.MART,
    asset_forecast.MART,
    segment_migration.MART,
    segment_half_life.MART,
    customer_realised_asset.MART,
    realised_asset.MART,
)
