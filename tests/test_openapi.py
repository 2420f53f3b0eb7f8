"""The OpenAPI document is true: requests made of it get the answers that it promises, signed in and not."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import Person

# The server, on a thread of this process, may use `random` while Hypothesis makes a case.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

FILE = Path(__file__).parent.parent / "docs" / "openapi.yaml"
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
few = hypothesis_settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def document() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)


def require_true(operation: Any, url: str, token: str) -> None:
    """Send what the document allows and what it does not, and compare the answers with what it promises."""
    allowed, not_allowed = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @few
    @given(case=allowed | not_allowed)
    def run(case: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        case.call_and_validate(base_url=url, checks=CHECKS, headers=headers)

    run()


@every_operation
def test_strangers_get_what_the_document_says(operation: Any, live: str) -> None:
    require_true(operation, live, "")


@every_operation
def test_who_is_signed_in_gets_what_the_document_says(operation: Any, live: str, alice: Person, key: str) -> None:
    require_true(operation, live, key if operation.path.startswith("/v1/") else alice.token)


@pytest.fixture
def key(alice: Person) -> str:
    return str(alice.post("/api/keys/", {"name": "schema"}).json()["key"])


def test_the_file_is_not_stale() -> None:
    current = OpenApiYamlRenderer().render(document(), renderer_context={}).decode()

    assert FILE.read_text() == current, "docs/openapi.yaml is stale: run `make openapi`"


def test_every_operation_has_a_name_of_its_own() -> None:
    paths = document()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]

    assert len(names) == len(set(names))
