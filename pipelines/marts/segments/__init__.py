"""Marts of segments (E): retention of cohorts, RFM, value tiers."""
