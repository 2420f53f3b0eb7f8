"""The OpenAPI document describes what these addresses do."""

import re

import pytest
from drf_spectacular.generators import SchemaGenerator

from accounts.urls import urlpatterns


@pytest.fixture(scope="module")
def paths() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)["paths"]


def test_every_address_is_in_the_document_with_its_success_and_its_refusals(paths):
    for pattern in urlpatterns:
        name = re.sub(r"<anyuuid:(\w+)>", r"{\1}", str(pattern.pattern))
        path = f"/api/{name}"
        if not name.endswith("/"):
            continue
        for method, operation in paths[path].items():
            statuses = set(operation["responses"])
            assert statuses & {"200", "201", "202", "204"}, (path, method)
            assert all("application/problem+json" in operation["responses"][code]["content"]
                       for code in statuses if code >= "400"), (path, method)  # fmt: skip
            assert operation["summary"]
            assert operation["tags"]


def test_it_says_which_credential_each_address_takes(paths):
    def security(path: str, method: str = "post"):
        return paths[f"/api/{path}/"][method].get("security")

    assert security("users/self", "get") == [{"bearer": []}]
    assert {"refreshCookie": []} in security("token/refresh")
    assert security("register") == [{}]
