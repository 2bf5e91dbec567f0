-- A benefit granted to a customer, over all channels.
{{ union_channels('incentive') }}
