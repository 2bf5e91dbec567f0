"""A simulated company with planted truth: native export files, and beside them what is true.

Lives here: `simulate`, which writes `out_dir/landing/<source>/…` and `out_dir/truth/*.parquet`.
Stays out: reading exports (`pipelines.ingest`) and the warehouse's formulas; truth is computed from the plan alone.

The plan comes first (`world`: people, products, orders, terms, refunds, costs, economics), then each source writes it
down in its own format (`shopify`, `tmall`, `square`, and canonical CSV from
`crm`, `ops` and `finance`), with faults planted as records of their own. Equal
arguments give equal bytes. The world `bgnbd` is the plain model of purchase histories (`bgnbd`).
"""

from pipelines.simulate.run import SimulationSummary, simulate

__all__ = ["SimulationSummary", "simulate"]
