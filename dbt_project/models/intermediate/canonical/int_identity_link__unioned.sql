-- A statement that two identifiers belong to one person, over all channels.
{{ union_channels('identity_link') }}
