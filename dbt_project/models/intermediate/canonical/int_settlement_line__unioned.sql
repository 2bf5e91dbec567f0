-- A line of the statement by which a platform or payment provider settles with the merchant, over all channels.
{{ union_channels('settlement_line') }}
