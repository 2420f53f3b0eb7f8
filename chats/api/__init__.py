"""Doors over REST: find, check the input, call one function, answer."""
