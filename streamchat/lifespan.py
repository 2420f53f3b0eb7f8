"""What Stream needs of a server's life: imports before the first webhook, connections closed at the end."""

from llm.moderation import OpenAIModerator, moderation_enabled, moderator, prepare_client
from streamchat.client import stream_client
from streamchat.command_task import close_commands
from streamchat.identity import is_configured


async def start_stream() -> None:
    """Import what the first webhook could not wait for; a server with Stream takes that much longer to start."""
    if is_configured():
        await stream_client().sdk()
        if moderation_enabled() and isinstance(moderator(), OpenAIModerator):
            await prepare_client()


async def close_stream() -> None:
    """Close what the running loop holds open towards Stream; called when its tasks have ended."""
    await close_commands()
    if found := stream_client.pop():
        await found.close()
