"""Marts of the customer base as an asset: its value month by month, and why it changed."""
