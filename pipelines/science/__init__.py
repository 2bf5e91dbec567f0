"""The statistics of customers as assets, on plain arrays.

Lives here: repeat-purchase models (nbd, bgnbd, mbgnbd, pareto_nbd, bgbb), spend models (gamma_gamma, credibility),
contractual retention (sbg, bdw), chain ladder, bootstrap, seasons, recalibration, the challenger, metrics, and the
backtest that compares them on a transaction log.
Stays out: SQL, files of the warehouse, marts and money in decimals. Nothing here knows a table's name.
"""
