"""Metrics: what is measured of a layer before it is judged, one scan a frame.

Lives here: the frames made in Python (from the contracts, from the formats) and, in a folder per layer, those made in
SQL. Stays out: bounds (`suites`, `thresholds.yml`) and the verdict.

Every frame has key columns, which name its rows in messages (channels, months, tables: never a person), and metrics as
DOUBLE. Differences are taken in exact arithmetic before they become DOUBLE, so 0 means equal.
"""
