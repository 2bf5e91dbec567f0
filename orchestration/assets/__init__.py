"""The assets, floor by floor: raw, dbt (staging to core), identity, marts, publish.

Wiring only: every computation lives in `pipelines`, every model in `dbt_project`.
"""
