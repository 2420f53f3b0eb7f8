"""Doors over REST: find, check the form, call one function, answer."""
