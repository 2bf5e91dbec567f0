-- What one unit of a currency is worth in another, on a day, over all channels.
{{ union_channels('fx_rate') }}
