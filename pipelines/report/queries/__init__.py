"""Queries: frames and facts from the published file. No wording, no formatting, no chart."""
