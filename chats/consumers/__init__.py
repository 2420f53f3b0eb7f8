"""`/ws/chats/`: many chats over one WebSocket, with the events, cursors, keys and limits of REST."""
