-- What one unit costs, from a day on, over all channels.
{{ union_channels('product_cost') }}
