"""Marts about identity: how far accounts are matched, how large customers are, what the policy does to money."""
