-- A product that is sold, by stock keeping unit, over all channels.
{{ union_channels('product') }}
