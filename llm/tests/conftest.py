"""The fake provider as every vendor, and our own side closed after each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from pytest_django import Settings

from llm.client.sessions import close_session
from llm.moderation import close_clients
from llm.testing import FakeProvider

OPENAI_KEY = "sk-test-openai-0123456789"
ANTHROPIC_KEY = "sk-ant-test-0123456789"
GEMINI_KEY = "AIza-test-gemini-0123456789"


@pytest.fixture(scope="session")
def fake_server() -> Iterator[FakeProvider]:
    with FakeProvider() as server:
        yield server


@pytest_asyncio.fixture
async def fake(fake_server: FakeProvider, settings: Settings) -> AsyncIterator[FakeProvider]:
    """All vendors configured, at the fake's address."""
    settings.OPENAI_API_KEY = OPENAI_KEY
    settings.OPENAI_BASE_URL = fake_server.openai_base_url
    settings.ANTHROPIC_API_KEY = ANTHROPIC_KEY
    settings.ANTHROPIC_BASE_URL = fake_server.anthropic_base_url
    settings.ANTHROPIC_MODEL = "claude-sonnet-5-5"
    settings.GEMINI_API_KEY = GEMINI_KEY
    settings.GEMINI_BASE_URL = fake_server.gemini_base_url
    settings.MODERATION = "on"
    fake_server.clear()
    yield fake_server
    await close_session()
    await close_clients()


@pytest.fixture(params=["openai", "responses", "anthropic", "gemini"])
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)
