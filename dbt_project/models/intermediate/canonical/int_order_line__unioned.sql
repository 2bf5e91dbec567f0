-- A line of an order: one product, one price, over all channels.
{{ union_channels('order_line') }}
