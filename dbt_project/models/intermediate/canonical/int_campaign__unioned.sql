-- A marketing campaign, over all channels.
{{ union_channels('campaign') }}
