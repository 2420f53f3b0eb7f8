"""Which model answers, for every combination of keys."""

import pytest
from pytest_django import Settings

from llm.aliases import DEFAULT_ALIASES
from llm.catalog import catalog, resolve
from llm.errors import ProviderNotConfigured, UnknownModel


@pytest.fixture(autouse=True)
def nothing_configured(settings: Settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    settings.GEMINI_API_KEY = settings.GEMINI_BASE_URL = settings.DEFAULT_MODEL = ""
    settings.OPENAI_MODEL, settings.OPENAI_MODELS = "gpt-6-luna", ("gpt-6-luna", "gpt-5.6-terra")
    settings.GEMINI_MODEL, settings.GEMINI_MODELS = "gemini-3.8-flash", ("gemini-3.5-flash-lite",)
    settings.ANTHROPIC_API_KEY = settings.ANTHROPIC_BASE_URL = settings.OPENAI_API = ""
    settings.MODEL_ALIASES = DEFAULT_ALIASES


def configure(settings: Settings, *names: str) -> None:
    for name in names:
        setattr(settings, name, "http://127.0.0.1:9/v1" if name.endswith("URL") else "a-key")


OPENAI, GEMINI = ("OPENAI_API_KEY",), ("GEMINI_API_KEY",)


@pytest.mark.parametrize(
    ("keys", "default"),
    [
        ((), "demo/demo"),
        (OPENAI, "openai/gpt-6-luna"),
        (GEMINI, "gemini/gemini-3.8-flash"),
        (("OPENAI_BASE_URL",), "openai/gpt-6-luna"),
        (("GEMINI_BASE_URL",), "gemini/gemini-3.8-flash"),
        (OPENAI + GEMINI, "openai/gpt-6-luna"),
    ],
)
def test_the_default_is_the_first_usable(settings: Settings, keys: tuple[str, ...], default: str) -> None:
    configure(settings, *keys)

    assert resolve(None).name == resolve("").name == default
    assert [model.name for model in catalog().listing() if model.default] == [default]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("openai/gpt-5.6-terra", "openai/gpt-5.6-terra"),
        ("gpt-5.6-terra", "openai/gpt-5.6-terra"),
        ("openai", "openai/gpt-6-luna"),
        ("gemini", "gemini/gemini-3.8-flash"),
        ("gemini-3.5-flash-lite", "gemini/gemini-3.5-flash-lite"),
        ("gemini-1.5-flash", "gemini/gemini-3.5-flash-lite"),
        ("gemini/gemini-1.5-flash", "gemini/gemini-3.5-flash-lite"),
        ("gpt-3.5-turbo", "openai/gpt-5.6-terra"),
        ("openai/gpt-3.5-turbo", "openai/gpt-5.6-terra"),
        ("demo", "demo/demo"),
        ("demo/demo", "demo/demo"),
    ],
)
def test_names_and_aliases(settings: Settings, name: str, found: str) -> None:
    configure(settings, *OPENAI, *GEMINI)

    assert resolve(name).name == found


@pytest.mark.parametrize(
    "name", ["gpt-99", "openai/gpt-99", "nobody/gpt-6-luna", "openai/", "/", " ", "demo/x", "OPENAI"]
)
@pytest.mark.parametrize("keys", [(), OPENAI + GEMINI])
def test_what_is_not_listed_is_unknown(settings: Settings, name: str, keys: tuple[str, ...]) -> None:
    configure(settings, *keys)

    with pytest.raises(UnknownModel) as caught:
        resolve(name)

    assert caught.value.name == name


@pytest.mark.parametrize("name", ["openai", "gemini/gemini-3.5-flash-lite", "gpt-3.5-turbo"])
def test_the_demo_answers_for_all_while_nobody_is_configured(name: str) -> None:
    assert resolve(name).name == "demo/demo"


@pytest.mark.parametrize(("keys", "missing"), [(OPENAI, "gemini"), (GEMINI, "openai")])
def test_one_missing_key_is_named(settings: Settings, keys: tuple[str, ...], missing: str) -> None:
    configure(settings, *keys)

    with pytest.raises(ProviderNotConfigured) as caught:
        resolve(missing)

    assert caught.value.provider == missing
    unavailable = {model.provider for model in catalog().listing() if not model.available}
    assert unavailable - {"anthropic"} == {missing}


def test_the_configured_default_wins(settings: Settings) -> None:
    configure(settings, *OPENAI, *GEMINI)
    settings.DEFAULT_MODEL = "gemini-1.5-flash"

    assert resolve(None).name == "gemini/gemini-3.5-flash-lite"


def test_the_listing_holds_every_model_once(settings: Settings) -> None:
    configure(settings, *OPENAI)

    assert [model.name for model in catalog().listing() if model.provider != "anthropic"] == [
        "openai/gpt-6-luna",
        "openai/gpt-5.6-terra",
        "gemini/gemini-3.8-flash",
        "gemini/gemini-3.5-flash-lite",
        "demo/demo",
    ]


def test_who_lists_an_old_name_means_it(settings: Settings) -> None:
    configure(settings, *OPENAI)
    settings.OPENAI_MODELS = ("gpt-4o",)

    assert resolve("gpt-4o").name == "openai/gpt-4o"


def test_a_retired_default_moves_on_at_the_vendor_only(settings: Settings) -> None:
    configure(settings, *OPENAI)
    settings.OPENAI_MODEL = "gpt-3.5-turbo"
    assert resolve("openai").name == "openai/gpt-5.6-terra"

    configure(settings, "OPENAI_BASE_URL")
    assert resolve("openai").name == "openai/gpt-3.5-turbo"


def test_model_ids_may_hold_slashes(settings: Settings) -> None:
    configure(settings, *OPENAI)
    settings.OPENAI_MODELS = ("meta/llama-4",)

    assert resolve("meta/llama-4").name == resolve("openai/meta/llama-4").name == "openai/meta/llama-4"


def test_a_forward_is_logged_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    configure(settings, *OPENAI)
    settings.MODEL_ALIASES = {"once-only": "openai/gpt-6-luna"}

    with caplog.at_level("INFO", logger="llm.catalog"):
        resolve("once-only")
        resolve("once-only")

    assert [record.message for record in caplog.records].count("Model once-only is answered by openai/gpt-6-luna") == 1
