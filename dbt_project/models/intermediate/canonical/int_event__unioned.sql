-- Something that a visitor did in a shop's site, app or mini program, over all channels.
{{ union_channels('event') }}
