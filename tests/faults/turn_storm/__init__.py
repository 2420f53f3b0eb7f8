"""A storm of turns for `test_waiting_interleavings`: what its processes do, and what each reports."""
