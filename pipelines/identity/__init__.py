"""Identity: which accounts are one person. `assign` fills `ASSIGNMENT`; how it is filled may be replaced."""

from pipelines.identity.assignment import ASSIGNMENT, assign, customer_id

__all__ = ["ASSIGNMENT", "assign", "customer_id"]
