"""Names that models used to have, and what stands in for them (vendors' deprecation pages, November 2026)."""

LUNA = "openai/gpt-6-luna"
TERRA = "openai/gpt-5.6-terra"
SOL = "openai/gpt-5.6-sol"
FLASH_LITE = "gemini/gemini-3.5-flash-lite"
FLASH = "gemini/gemini-3.8-flash"

DEFAULT_ALIASES: dict[str, str] = {
    "gpt-3.5-turbo": TERRA,
    "gpt-3.5-turbo-16k": TERRA,
    "gpt-4": SOL,
    "gpt-4-turbo": SOL,
    "gpt-4-turbo-preview": SOL,
    "gpt-4o": LUNA,
    "gpt-4o-mini": LUNA,
    "gpt-4.1": LUNA,
    "gpt-4.1-mini": LUNA,
    "gpt-4.1-nano": LUNA,
    "gpt-5": SOL,
    "gpt-5-mini": TERRA,
    "gpt-5-nano": LUNA,
    "o3": SOL,
    "gemini-pro": FLASH,
    "gemini-1.5-flash": FLASH_LITE,
    "gemini-1.5-flash-latest": FLASH_LITE,
    "gemini-1.5-pro": FLASH,
    "gemini-2.0-flash": FLASH_LITE,
    "gemini-2.0-flash-lite": FLASH_LITE,
    "gemini-2.5-flash": FLASH_LITE,
    "gemini-2.5-flash-lite": FLASH_LITE,
    "gemini-2.5-pro": FLASH,
}
