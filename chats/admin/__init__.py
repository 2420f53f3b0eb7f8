"""The pages of staff: chats and turns to read, feedback to read and take along, assistants to make."""

from chats.admin import assistants, chats, feedback  # noqa: F401
