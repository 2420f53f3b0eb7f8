"""What Stream must know of us: the commands, the channel types that have them, the address of the hook, the bot."""

from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings

from streamchat.bot import upsert_bot
from streamchat.client import Client

DESCRIPTIONS = {"openai": "Ask an OpenAI model", "gemini": "Ask a Gemini model"}
ARGS = "[question]"


def hook_url() -> str:
    """Return the address that Stream is to call; it puts the command's name into the braces."""
    return f"{settings.SITE_URL}/webhooks/stream/?type={{type}}"


async def configure(client: Client, *, dry_run: bool) -> AsyncIterator[str]:
    """Do what is missing and say so, line by line; what is right already stays untouched."""
    async for line in _commands(client, dry_run):
        yield line
    for name in settings.STREAM_CHANNEL_TYPES:
        yield await _channel_type(client, name, dry_run)
    yield await _hook(client, dry_run)
    if not dry_run:
        await client.insist("user", upsert_bot)
    yield f"bot {settings.STREAM_BOT_ID}: {_done('stored', dry_run)}"


async def _commands(client: Client, dry_run: bool) -> AsyncIterator[str]:
    known = {command.name for command in await _call(client, lambda sdk: sdk.chat.list_commands(), "commands")}
    for name, provider in settings.STREAM_COMMANDS.items():
        if name in known:
            yield f"command /{name}: is there"
            continue
        if not dry_run:
            description = DESCRIPTIONS.get(provider, f"Ask {provider}")
            await client.insist("commands", _creation(name, description))
        yield f"command /{name}: {_done('created', dry_run)}"


def _creation(name: str, description: str) -> Any:
    return lambda sdk: sdk.chat.create_command(description=description, name=name, args=ARGS, set="parley_set")


async def _channel_type(client: Client, name: str, dry_run: bool) -> str:
    """Add the commands to those that a channel type has; the three values beside them are its own, sent back."""
    kind = (await client.insist("types", lambda sdk: sdk.chat.get_channel_type(name))).data
    has = [command.name for command in kind.commands]
    missing = [command for command in settings.STREAM_COMMANDS if command not in has]
    if not missing:
        return f"channel type {name}: has them"
    if not dry_run:
        await client.insist(
            "types",
            lambda sdk: sdk.chat.update_channel_type(
                name, kind.automod, kind.automod_behavior, kind.max_message_length, commands=[*has, *missing]
            ),
        )
    return f"channel type {name}: {', '.join(f'/{each}' for each in missing)} {_done('added', dry_run)}"


async def _hook(client: Client, dry_run: bool) -> str:
    app = await _call(client, lambda sdk: sdk.get_app(), "app")
    if app.custom_action_handler_url == hook_url():
        return f"hook {hook_url()}: is set"
    if not dry_run:
        await client.insist("app", lambda sdk: sdk.update_app(custom_action_handler_url=hook_url()))
    return f"hook {hook_url()}: {_done('set', dry_run)}"


async def _call(client: Client, call: Any, member: str) -> Any:
    return getattr((await client.insist(member, call)).data, member)


def _done(what: str, dry_run: bool) -> str:
    return f"would be {what}" if dry_run else what
