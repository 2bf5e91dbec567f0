-- A parcel, outward or returning, and what it cost, over all channels.
{{ union_channels('shipment') }}
