"""Other products, each in an environment of its own below var/peers. They come from PyPI, so they need a network."""
