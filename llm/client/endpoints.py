"""Where each dialect is spoken, and how it takes a key."""

import re
from collections.abc import Mapping

from llm.client.types import Dialect, ProviderConfig

OPENAI = "https://api.openai.com/v1"
BASE_URLS: Mapping[Dialect, str] = {
    "openai_chat": OPENAI,
    "openai_responses": OPENAI,
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}
VERSIONS: Mapping[Dialect, str] = {"anthropic": "v1", "gemini": "v1beta"}  # OpenAI's own clients add none
ANTHROPIC_VERSION = "2023-06-01"  # the next one refuses temperature and top_p


def base_url_of(provider: ProviderConfig) -> str:
    """Return the provider's address, by default its vendor's, with a version where its dialect wants one."""
    base = (provider.base_url or BASE_URLS[provider.adapter]).rstrip("/")
    version = VERSIONS.get(provider.adapter)
    return base if not version or re.search(r"/v\d+\w*$", base) else f"{base}/{version}"


def key_headers(provider: ProviderConfig) -> dict[str, str]:
    """Return what a request says of who asks; compatible servers may need no key, and some refuse an empty one."""
    key = provider.key
    match provider.adapter:
        case "anthropic":
            return {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
        case "gemini":
            return {"x-goog-api-key": key} if key else {}
    return {"Authorization": f"Bearer {key}"} if key else {}
