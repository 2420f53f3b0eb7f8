"""A Stream to test against: its server interface on loopback, with the keys checked, and webhooks as it signs them."""

from streamchat.testing.fake import FakeStream
from streamchat.testing.hooks import Hook
from streamchat.testing.state import Call, Fault

__all__ = ["Call", "FakeStream", "Fault", "Hook"]
