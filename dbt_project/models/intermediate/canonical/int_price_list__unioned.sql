-- What one unit is listed at, from a day on, over all channels.
{{ union_channels('price_list') }}
