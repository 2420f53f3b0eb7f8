"""A provider to test against: all vendors' wire formats on loopback, scripted fault by fault."""

from llm.testing.fake import FakeProvider
from llm.testing.script import Script

__all__ = ["FakeProvider", "Script"]
