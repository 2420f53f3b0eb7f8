"""Which models there are, and all that talks to one. Knows nothing of chats; `client` nothing of the database."""
