"""Marts of the customer (A): one row per person and its companions."""
