"""The dashboard, and the table of the metrics, name what there is."""

import json
import re
from typing import Any

import pytest
from django.conf import settings
from prometheus_client import REGISTRY

from ops.metrics import definitions
from ops.metrics.database import DatabaseGauges

DASHBOARD = settings.BASE_DIR / "deploy/grafana/parley.json"
NAME = re.compile(r"\bparley_\w+")


def families() -> list[Any]:
    assert definitions.TURNS  # they are registered by being imported
    return [each for each in (*REGISTRY.collect(), *DatabaseGauges().collect()) if each.name.startswith("parley_")]


@pytest.mark.django_db
def test_each_metric_of_the_dashboard_is_one() -> None:
    ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
    there = {family.name + end for family in families() for end in ends[family.type]}
    board = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    named = {name for query in queries for name in NAME.findall(query)}

    assert len(queries) > 15
    assert named <= there


@pytest.mark.django_db
def test_the_page_and_the_dashboard_have_each_metric() -> None:
    page, board = (settings.BASE_DIR / "docs/operations.md").read_text(), DASHBOARD.read_text()

    assert [each.name for each in families() if f"`{each.name}" not in page or each.name not in board] == []


@pytest.mark.parametrize("labels", [("none", "x"), ("openai", "no-such-model")])
@pytest.mark.django_db
def test_what_no_catalogue_has_is_one_series(labels: tuple[str, str]) -> None:
    from ops.metrics.recording import labels as counted_as

    assert counted_as(*labels) == ("other", "other")
