-- Arms of experiments, over all channels.
{{ union_channels('assignment') }}
