"""Marts of profit (B): the waterfall and how far its money is known."""
