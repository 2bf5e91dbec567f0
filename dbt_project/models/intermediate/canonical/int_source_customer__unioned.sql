-- An account that a source system keeps for a buyer or member, over all channels.
{{ union_channels('source_customer') }}
