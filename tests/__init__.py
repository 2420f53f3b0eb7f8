"""Tests that span apps; `python -m tests` runs everything on every database that is reachable."""
