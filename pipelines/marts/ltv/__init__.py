"""Marts of lifetime value (C)."""
