-- A use of a granted benefit in an order, over all channels.
{{ union_channels('incentive_use') }}
