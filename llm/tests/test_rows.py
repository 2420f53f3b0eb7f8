"""The rows of staff over the environment, kept in memory."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from common.secrets import seal
from llm.catalog import catalog, provider_config, resolve
from llm.client.errors import ProviderRefused
from llm.client.types import Quirks
from llm.environment import make_rows
from llm.errors import ProviderNotConfigured, UnknownModel
from llm.models import CatalogVersion, Model, ModelGroup, Provider
from llm.quirks import quirks_of
from llm.snapshot import refresh_rows
from llm.tests.rows import forgotten, provider
from llm.tests.test_catalog import nothing_configured

__all__ = ["forgotten", "nothing_configured"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgotten")]
ROOTS = {"openai", "gemini", "demo"}


@pytest.fixture
def openai(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-of-the-environment"


def names() -> list[str]:
    return [model.name for model in catalog().models if model.provider != "anthropic"]


def model_row(name: str) -> Model:
    provider_name, _, model_id = name.partition("/")
    return Model.objects.get(provider__name=provider_name, model_id=model_id)


def change(name: str, **fields: Any) -> None:
    row = model_row(name)
    for field, value in fields.items():
        setattr(row, field, value)
    row.full_clean()
    row.save()
    refresh_rows()


def test_the_environment_makes_rows_that_change_nothing(openai: None) -> None:
    before = catalog().listing()

    make_rows()
    made = list(Provider.objects.values()), list(Model.objects.values())
    version = CatalogVersion.current()
    make_rows()
    refresh_rows()

    assert catalog().listing() == before
    assert (list(Provider.objects.values()), list(Model.objects.values())) == made
    assert CatalogVersion.current() == version
    assert set(Provider.objects.values_list("name", flat=True)) >= ROOTS
    assert "sk-of" not in str(made)


def test_what_staff_say_stays_over_a_start(openai: None) -> None:
    make_rows()
    change("openai/gpt-6-luna", label="Ours", input_price=5, enabled=True)
    make_rows()
    refresh_rows()

    found = resolve("openai/gpt-6-luna")
    assert (found.label, found.prices.input) == ("Ours", 5)


def test_the_environment_decides_which_of_its_models_there_are(openai: None, settings: Settings) -> None:
    make_rows()
    refresh_rows()
    settings.OPENAI_MODELS = ("gpt-new",)

    assert "openai/gpt-5.6-terra" not in names()
    assert "openai/gpt-new" in names()  # before a start has made its row
    assert resolve("openai").name == "openai/gpt-6-luna"


def test_a_fifth_provider_answers_to_its_names(openai: None) -> None:
    provider("house", ("big", "small"), label="House")
    change("house/small", aliases=["tiny", "gpt-3.5-turbo"], order=1)

    assert names()[-3:] == ["house/small", "house/big", "demo/demo"]
    asked = {name: resolve(name).name for name in ("house", "house/big", "big", "tiny", "house/tiny", "gpt-3.5-turbo")}
    assert asked == {
        "house": "house/small", "house/big": "house/big", "big": "house/big", "tiny": "house/small",
        "house/tiny": "house/small", "gpt-3.5-turbo": "house/small",
    }  # fmt: skip
    assert resolve(None).name == "openai/gpt-6-luna"


def test_a_listed_name_is_never_taken_by_an_alias(openai: None) -> None:
    provider("house", ("big",))
    change("house/big", aliases=["gpt-6-luna", "openai", "openai/gpt-6-luna"])

    assert resolve("gpt-6-luna").provider == resolve("openai").provider == "openai"


@pytest.mark.parametrize("what", ["model", "provider"])
def test_what_is_switched_off_is_unknown_and_never_asked(openai: None, what: str) -> None:
    make_rows()
    row = provider("house", ("big",))
    refresh_rows()
    assert resolve("house/big").available

    kind, found = (Model, {"model_id": "big"}) if what == "model" else (Provider, {"pk": row.pk})
    kind.objects.filter(**found).update(enabled=False)
    refresh_rows()

    for name in ("house/big", "big", "house"):
        assert not catalog().is_known(name)
        with pytest.raises(UnknownModel):
            resolve(name)
    assert "house/big" not in names()
    if what == "provider":
        with pytest.raises(ProviderRefused):
            provider_config("house")


def test_a_vendor_of_the_environment_can_be_switched_off(openai: None, settings: Settings) -> None:
    settings.GEMINI_API_KEY = "a-key"
    make_rows()
    Provider.objects.get(name="openai").delete()
    refresh_rows()
    assert resolve(None).provider == "openai"  # without a row it is as the environment says

    make_rows()
    Provider.objects.filter(name="openai").update(enabled=False)
    refresh_rows()

    assert resolve(None).provider == "gemini"
    with pytest.raises(UnknownModel):
        resolve("openai/gpt-6-luna")


def test_the_default_moves(openai: None, settings: Settings) -> None:
    make_rows()
    provider("house", ("big",))
    change("house/big", default=True)
    assert resolve(None).name == "house/big"
    assert [each.name for each in catalog().listing() if each.default] == ["house/big"]

    settings.DEFAULT_MODEL = "openai/gpt-5.6-terra"
    assert resolve(None).name == "openai/gpt-5.6-terra"

    settings.DEFAULT_MODEL = ""
    change("house/big", enabled=False)
    assert resolve(None).name == "openai/gpt-6-luna"


def test_a_default_whose_provider_cannot_answer_is_passed_over(openai: None) -> None:
    provider("house", ("big",), base_url="")
    change("house/big", default=True)

    assert resolve(None).name == "openai/gpt-6-luna"
    with pytest.raises(ProviderNotConfigured):
        resolve("house/big")


def test_the_demo_answers_until_some_provider_can() -> None:
    make_rows()
    refresh_rows()
    assert resolve("openai").name == resolve(None).name == "demo/demo"

    provider("house", ("big",))
    refresh_rows()
    assert resolve(None).name == "house/big"
    with pytest.raises(ProviderNotConfigured):
        resolve("openai")


def test_no_key_of_the_environment_goes_where_staff_point(openai: None) -> None:
    make_rows()
    Provider.objects.filter(name="openai").update(base_url="http://elsewhere.test/v1")
    refresh_rows()

    config = provider_config("openai")
    assert (config.base_url, config.key) == ("http://elsewhere.test/v1", "")


def test_no_key_of_staff_goes_where_the_environment_points(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://elsewhere.test/v1"
    make_rows()
    Provider.objects.filter(name="openai").update(sealed_key=seal("sk-of-staff"))
    refresh_rows()

    config = provider_config("openai")
    assert (config.base_url, config.key) == ("", "sk-of-staff")


def test_an_unreadable_key_makes_a_provider_unavailable(openai: None, caplog: pytest.LogCaptureFixture) -> None:
    provider("house", ("big",), sealed_key="gAAAAABnever")
    refresh_rows()

    with pytest.raises(ProviderNotConfigured):
        resolve("house/big")
    assert "house" in caplog.text


def test_what_is_empty_comes_from_the_file_at_the_vendors_own_address(openai: None, settings: Settings) -> None:
    make_rows()
    change("openai/gpt-6-luna", tools=False, output_price=7)
    found = resolve("openai/gpt-6-luna")

    assert (found.label, found.abilities.tools, found.abilities.images) == ("GPT-6 Luna", False, True)
    assert (found.prices.input, found.prices.output) == (100_000, 7)

    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    found = resolve("openai/gpt-6-luna")
    assert (found.label, found.abilities.tools, found.abilities.images) == ("gpt-6-luna", False, None)
    assert (found.prices.input, found.prices.output) == (None, 7)


@pytest.mark.parametrize("efforts", [None, [], ["low", "high"]])
def test_efforts_are_the_files_none_or_those_said(openai: None, efforts: list[str] | None) -> None:
    make_rows()
    change("openai/gpt-6-luna", efforts=efforts)

    expected = ("none", "low", "medium", "high", "xhigh", "max") if efforts is None else tuple(efforts)
    assert resolve("openai/gpt-6-luna").abilities.efforts == expected


@pytest.mark.parametrize(
    "wrong",
    ["x", 1, [1], {"no_such": True}, {"wants_reasoning_content": "yes"}, {"wants_reasoning_content": None},
     {"": 1}, {"x" * 500: 1}],
)  # fmt: skip
def test_quirks_are_those_that_adapters_know(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        quirks_of(wrong)
    with pytest.raises(ValidationError):
        Provider(name="x", adapter="openai_chat", quirks=wrong).full_clean()


def test_quirks_reach_the_adapter_and_may_say_no(openai: None) -> None:
    address = "https://api.deepseek.test/v1"
    provider("deep", base_url=address)
    provider("deeper", base_url=address, quirks={"wants_reasoning_content": False})
    provider("newer", quirks={"of_another_version": 1})
    provider("older", quirks=["a list"])
    refresh_rows()

    wants = {
        name: provider_config(name).quirks.wants_reasoning_content for name in ("deep", "deeper", "newer", "older")
    }
    assert wants == {"deep": True, "deeper": False, "newer": False, "older": False}


def test_quirks_of_the_environment_hold_at_its_own_address(openai: None, settings: Settings) -> None:
    settings.OPENAI_QUIRKS = ["wants_max_tokens"]
    make_rows()
    refresh_rows()
    assert provider_config("openai").quirks == Quirks(wants_max_tokens=True)

    Provider.objects.filter(name="openai").update(quirks={"wants_max_tokens": False, "refuses_stream_options": True})
    refresh_rows()
    assert provider_config("openai").quirks == Quirks(refuses_stream_options=True)

    Provider.objects.filter(name="openai").update(quirks={}, base_url="http://127.0.0.1:9/v1")
    refresh_rows()
    assert provider_config("openai").quirks == Quirks()


@pytest.mark.parametrize("wrong", ["ftp://x/v1", "x", "http://", "http://a b/", "https://u:p@host/v1", "http://h/?k=1",
                                   "http://h:99999/", "http://[::1", "javascript:1"])  # fmt: skip
def test_addresses_are_plain(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Provider(name="x", adapter="openai_chat", base_url=wrong).full_clean()


@pytest.mark.parametrize("right", ["http://ollama:11434/v1", "https://api.example.org", "http://[::1]:8000/v1"])
def test_so_are_hosts_among_containers(right: str) -> None:
    Provider(name="x", adapter="openai_chat", base_url=right).full_clean()


@pytest.mark.parametrize("wrong", ["", " x", "x ", "a,b", "a\nb", "\0", "x" * 151])
def test_model_ids_can_be_named(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Model(provider=provider(models=()), model_id=wrong).full_clean()


# --- Groups ---
def test_members_alone_see_what_is_for_a_group(openai: None) -> None:
    provider("house", ("big",))
    refresh_rows()
    assert not catalog().is_restricted
    group = Group.objects.create(name="few")
    model_row("house/big").groups.add(group)
    refresh_rows()
    whole = catalog()

    assert whole.is_restricted
    assert whole.seen_by(None) is whole
    assert whole.seen_by({group.pk}).is_known("house/big")
    strangers = whole.seen_by({group.pk + 1})
    assert not any(strangers.is_known(name) for name in ("house/big", "big", "house"))
    assert "house/big" not in [each.name for each in strangers.listing()]


def test_a_default_for_few_is_not_everybodys(openai: None, settings: Settings) -> None:
    provider("house", ("big",))
    settings.DEFAULT_MODEL = "house/big"
    change("house/big", default=True)
    model_row("house/big").groups.add(Group.objects.create(name="few"))
    refresh_rows()

    assert catalog().seen_by(()).resolve(None).name == "openai/gpt-6-luna"


def test_a_group_that_guards_a_model_cannot_just_go() -> None:
    group = Group.objects.create(name="few")
    provider().models.get().groups.add(group)

    with pytest.raises(ProtectedError):
        group.delete()


# --- Memory ---
def _save(row: Provider) -> None:
    row.save()


CHANGES = [
    _save,
    lambda row: Provider.objects.filter(pk=row.pk).update(label="other"),
    lambda row: row.delete(),
    lambda row: Provider.objects.filter(pk=row.pk).delete(),
    lambda row: row.models.get().save(),
    lambda row: row.models.update(order=3),
    lambda row: Model.objects.bulk_create([Model(provider=row, model_id="new")]),
    lambda row: Model.objects.create(provider=row, model_id="new"),
    lambda row: row.models.get().groups.add(Group.objects.create(name="g")),
    lambda row: ModelGroup.objects.create(model=row.models.get(), group=Group.objects.create(name="g")),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_makes_another_version(change: Any) -> None:
    row = provider()
    before = CatalogVersion.current()

    change(row)

    assert CatalogVersion.current() != before


def test_taking_a_group_away_makes_another_version_too() -> None:
    row, group = provider().models.get(), Group.objects.create(name="g")
    row.groups.add(group)
    before = CatalogVersion.current()

    row.groups.remove(group)

    assert CatalogVersion.current() != before


def test_a_look_is_one_statement_and_an_answer_is_none(openai: None, connection_queries: Any) -> None:
    make_rows()
    refresh_rows()

    with connection_queries() as looked:
        refresh_rows()
    assert [each["sql"].count("llm_catalogversion") > 0 for each in looked.captured_queries] == [True]
    with connection_queries() as asked:
        resolve("gpt-6-luna")
        catalog().listing()
        provider_config("openai")
    assert not asked.captured_queries


@pytest.fixture
def connection_queries() -> Any:
    from django.db import connection

    return lambda: CaptureQueriesContext(connection)
