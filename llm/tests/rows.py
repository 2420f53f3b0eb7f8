"""Rows for tests, and the memory of them put back."""

from collections.abc import Iterator
from typing import Any

import pytest

from llm import snapshot
from llm.models import Model, Provider


def provider(name: str = "house", models: tuple[str, ...] = ("m-1",), **fields: Any) -> Provider:
    """Make a provider with models; the snapshot does not know of it before `refresh_rows`."""
    given: dict[str, Any] = {"adapter": "openai_chat", "base_url": "http://127.0.0.1:9/v1", **fields}
    row = Provider.objects.create(name=name, **given)
    for model_id in models:
        Model.objects.create(provider=row, model_id=model_id)
    return row


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Have nothing of this test's rows remembered after it."""
    yield
    snapshot._rows = snapshot.NO_ROWS


@pytest.fixture
def live_rows(live: str) -> Iterator[None]:
    """Have no rows left, and none remembered, where a server runs beside the test."""
    yield
    for row in Provider.objects.all():
        for model in row.models.all():
            model.groups.clear()
        row.delete()
    snapshot.refresh_rows()
