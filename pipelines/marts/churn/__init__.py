"""Marts of churn (F): cut points and states of the lifecycle."""
