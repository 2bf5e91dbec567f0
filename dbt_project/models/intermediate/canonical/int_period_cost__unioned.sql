-- A cost of a month that belongs to no single order, over all channels.
{{ union_channels('period_cost') }}
