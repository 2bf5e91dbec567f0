-- Money given back, on the day it was given back, over all channels.
{{ union_channels('refund') }}
