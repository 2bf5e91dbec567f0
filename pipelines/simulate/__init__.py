"""A simulated company with planted truth: native export files, and beside them what is true.

Lives here: `simulate`, which writes `out_dir/landing/<source>/…` and `out_dir/truth/*.parquet`.
Stays out: reading exports (`pipelines.ingest`) and the warehouse's formulas; truth is computed from the plan alone.

    landing/web      Shopify orders exports by half-year (one in the help page's spelling, one sent twice, one
                     overlapping re-export), customers exports in the newer and an older layout
    landing/tmall    ExportOrderList and ExportOrderDetailList by half-year in GB18030, the first in a shorter layout
    landing/pos      Square transactions and items by half-year, and an overlapping export of the last days
    landing/crm      canonical CSV: members, identity links, consents, campaigns
    landing/ops      canonical CSV: refunds (with late and restated ones), parcels, benefits and uses, products
    landing/finance  canonical CSV: settlement lines, product costs, list prices, exchange rates, costs of the month
    landing/site     canonical CSV: what tracked visitors of the web shop do

    truth/persons               rates, lifetimes, spend levels and channels; one row a person
    truth/account_person        the person behind every native key (and behind every order of a buyer without one)
    truth/orders                person, day, state and whether it is kept; one row an order
    truth/order_line_economics  every waterfall line in the order's currency and in dollars; one row a line
    truth/refunds               refunds on lines by the day on which the warehouse can know them
    truth/events                the person behind every event, and how many people log in on its browser
    truth/broken_rows           planted faults: file, physical line, reason
    truth/files                 what was written, with sha256; `copy_of` names the file sent before

The plan comes first (`world`: people, products, orders, terms, refunds, costs, economics), then each source writes it
down in its own format, with faults planted as records of their own. All exports are drawn on one day, the day after
the last day of data. Equal arguments give equal bytes. The world `bgnbd` is the plain model of purchase histories: one
Shopify export, and `parameters`, `persons` and `orders` as truth (`bgnbd`).
"""

from pipelines.simulate.run import SimulationSummary, simulate

__all__ = ["SimulationSummary", "simulate"]
