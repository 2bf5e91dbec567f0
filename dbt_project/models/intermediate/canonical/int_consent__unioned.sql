-- A decision of an account to allow or refuse a use of its data, over all channels.
{{ union_channels('consent') }}
