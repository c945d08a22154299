"""The API's two tables agree: the routes that the template deploys, and those that the function answers and documents."""

from __future__ import annotations

import re

from template import ROOT, Template

ENTRY = re.compile(r'route\(\("(GET|POST)", "([^"]+)"\), Action::(\w+), \((\w+), (\w+), (\w+)\), ([^"]+?),\s*"([^"]+)"\)')


def in_code() -> dict[tuple[str, str], tuple[str, ...]]:
    """Method and path of each route of the function, with what the catalog says of it."""
    source = (ROOT / "functions" / "api" / "src" / "route.rs").read_text(encoding="utf-8")
    return {(method, path): tuple(rest) for method, path, *rest in ENTRY.findall(source)}


def in_template() -> dict[tuple[str, str], dict]:
    """Method and path of each route that leads to the function."""
    paths = Template.read().resources["Api"]["Properties"]["DefinitionBody"]["paths"]
    return {
        (method.upper(), path): operation
        for path, item in paths.items() for method, operation in item.items()
        if "ApiFunction" in str(operation["x-amazon-apigateway-integration"]["uri"])
    }


def test_every_route_is_deployed_and_answered() -> None:
    """Proves API-16 in part and API-17 in part: no route is deployed that the catalog does not have, and none is only
    in the catalog."""
    assert len(in_code()) > 10
    assert set(in_code()) == set(in_template())


def test_every_route_has_its_parameters_and_says_that_it_needs_a_token() -> None:
    """Proves SEC-01 in part: no route of the API is documented as open."""
    for (method, path), operation in in_template().items():
        assert operation["security"] == [{"token": []}], path
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        assert ("requestBody" in operation) is (method == "POST"), path
        assert "default" in operation["responses"], path


def test_every_route_and_error_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [f"{method} {path}" for method, path in in_code() if f"`{method} {path}`" not in page]
    errors = (ROOT / "functions" / "api" / "src" / "error.rs").read_text(encoding="utf-8")
    codes = re.findall(r'= "(Q2C-\d{4})", (\d{3})', errors)
    assert len(codes) > 10
    missing += [code for code, status in codes if f"| {code} | {status} |" not in page]
    assert missing == []
