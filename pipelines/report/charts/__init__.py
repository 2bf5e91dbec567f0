"""Charts: rows in, chart out. No query, no wording beyond labels of axes, no colour that is not in the theme."""
