"""Templates: the page, its blocks and its style sheet. A package, so that they are installed with the code."""
