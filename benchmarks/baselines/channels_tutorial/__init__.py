"""A chat as guides for Django Channels write it: a consumer that passes the SDK's typed stream on, token by token."""
