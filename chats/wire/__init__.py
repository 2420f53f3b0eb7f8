"""Encoders: turn events to what goes over a wire. Pure functions of events."""
