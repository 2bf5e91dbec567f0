"""Registry: the pages, and the sections of each in order.

Lives here: one plain list per page; a new section is one entry, a new page one `Page`.
Stays out: what a section says (`sections/`).
"""

from __future__ import annotations

from pipelines.report.blocks import Page, Section
from pipelines.report.sections import (
    asset,
    book,
    customers,
    definitions,
    forecast,
    gaps,
    gates,
    identity,
    overview,
    profit,
    retention,
)

RUN_PAGE = Page(
    name="run",
    title="Customer assets",
    lede="What the customers of this house bring in, where the money goes, who stays and who drifts away: "
    "read from one published version of the warehouse, every figure of it.",
    sections=(
        Section("glance", "At a glance", "", (overview.cards,)),
        Section(
            "look",
            "What to look at",
            "Computed from the figures below, the ones on money first.",
            (overview.what_to_look_at,),
        ),
        Section(
            "profit",
            "Where the money goes",
            "How much of list value is left once discounts, refunds, fees and costs are paid, and on which channel?",
            (profit.waterfall_figure, profit.channel_figure, profit.month_figure),
            nav="Profit",
        ),
        Section(
            "stay",
            "Who stays",
            "Do customers come back, sooner or later, and do newer ones do better at equal age?",
            (retention.heatmap_figure, retention.curve_figure, retention.channel_figure),
            nav="Retention",
        ),
        Section(
            "value",
            "What customers are worth",
            "How much has a customer brought in by day 30, 90, 365, and is that rising from cohort to cohort?",
            (retention.value_figure,),
            nav="Value",
        ),
        Section(
            "ahead",
            "What customers will be worth",
            "What will the customers of today bring in from now on, and how sure is that?",
            (forecast.cohort_figure, forecast.segment_table),
            nav="Forecast",
        ),
        Section(
            "trust",
            "Whether to believe it",
            "What would the same method have said on past days, and what came?",
            (forecast.value_calibration_figure, forecast.silence_calibration_figure, forecast.forecaster_tables),
            nav="Calibration",
        ),
        Section(
            "asset",
            "The customer base as an asset",
            "Is the base growing in value, from what, what will it bring, and how much of it can be worked with?",
            (asset.ledger_figure, asset.month_figure, asset.forecast_tables, asset.realised_figure),
            nav="Asset",
        ),
        Section(
            "segments",
            "Who the customers are",
            "Which groups carry the money, and how many customers are in each?",
            (customers.segment_figure, customers.grid_figure, customers.tier_table),
            nav="Segments",
        ),
        Section(
            "states",
            "Who drifts away",
            "How many customers are active, at risk, dormant or lost, what did they bring in, and when is silence a "
            "sign?",
            (customers.state_figure, customers.cut_point_figure, asset.migration_figure),
            nav="Lifecycle",
        ),
        Section(
            "identity",
            "Who is whom",
            "How far are accounts joined into customers, what was kept apart, and what is the policy worth in money?",
            (
                identity.size_figure,
                identity.match_table,
                identity.policy_table,
                identity.verdict_table,
                identity.change_table,
            ),
            nav="Identity",
        ),
        Section(
            "book",
            "What was read",
            "Is every row and every amount of every file accounted for?",
            (book.book_figure, book.book_tables),
            nav="Account book",
        ),
        Section(
            "gates",
            "What the gates said",
            "Did every check of every layer pass before this version was published?",
            (gates.gate_table, gates.check_tables),
            nav="Gates",
        ),
        Section(
            "gaps",
            "What is not known",
            "Which costs, rates and consents are missing, and how much do they touch?",
            (gaps.coverage_figure, gaps.gap_sentences),
            nav="Gaps",
        ),
        Section("terms", "What the words mean", "", (definitions.definitions,), nav="Definitions"),
    ),
)

PAGES: tuple[Page, ...] = (RUN_PAGE,)
"""Every page that a run draws."""
