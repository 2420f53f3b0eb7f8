"""Messages in, events out: all that talks to a model. Knows nothing of users, chats or the database."""
