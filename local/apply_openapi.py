"""Gives a REST API what the emulator's import of an OpenAPI body drops.

That is request validators, required parameters and models, mock responses and
gateway responses. Without them the local API would accept what AWS refuses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERBS = ("get", "post", "put", "delete", "patch", "head", "options")
_LOCATIONS = {"query": "querystring", "header": "header", "path": "path"}
_KEPT_OF_METHOD = ("authorizationType", "authorizerId", "authorizationScopes", "apiKeyRequired")


def apply(apigateway: Any, api: str, stage: str, template: Path, resource: str) -> None:
    """Complete the API `api` from the resource of that logical id in a SAM template, and redeploy its stage."""
    properties = _read(template)["Resources"][resource]["Properties"]
    _Completion(apigateway, api, properties["DefinitionBody"]).run()
    for name, response in _gateway_responses(properties).items():
        apigateway.put_gateway_response(restApiId=api, responseType=name, **response)
    deployment = apigateway.create_deployment(restApiId=api)["id"]
    apigateway.update_stage(
        restApiId=api, stageName=stage,
        patchOperations=[{"op": "replace", "path": "/deploymentId", "value": deployment}],
    )


class _Completion:
    """One pass over the paths of an OpenAPI document."""

    def __init__(self, apigateway: Any, api: str, document: dict[str, Any]):
        self.gateway = apigateway
        self.api = api
        self.document = document

    def run(self) -> None:
        """Models and validators first: the methods refer to both."""
        self._models()
        validators = self._validators()
        resources = {
            item["path"]: item["id"] for item in self.gateway.get_resources(restApiId=self.api, limit=500)["items"]
        }
        for path, item in self.document["paths"].items():
            for verb, operation in item.items():
                if verb in VERBS:
                    shared = item.get("parameters") or []
                    self._method(resources[path], verb.upper(), operation, shared, validators)

    def _models(self) -> None:
        existing = {model["name"] for model in self.gateway.get_models(restApiId=self.api)["items"]}
        for name, schema in ((self.document.get("components") or {}).get("schemas") or {}).items():
            if name in existing:
                self.gateway.delete_model(restApiId=self.api, modelName=name)
            text = json.dumps(schema).replace(
                "#/components/schemas/", f"https://apigateway.amazonaws.com/restapis/{self.api}/models/",
            )
            self.gateway.create_model(restApiId=self.api, name=name, contentType="application/json", schema=text)

    def _validators(self) -> dict[str, str]:
        existing = {
            item["name"]: item["id"]
            for item in self.gateway.get_request_validators(restApiId=self.api).get("items", [])
        }
        for name, rules in (self.document.get("x-amazon-apigateway-request-validators") or {}).items():
            if name not in existing:
                made = self.gateway.create_request_validator(restApiId=self.api, name=name, **rules)
                existing[name] = made["id"]
        return existing

    def _method(
        self, resource: str, verb: str, operation: dict[str, Any], shared: list[Any], validators: dict[str, str],
    ) -> None:
        address = {"restApiId": self.api, "resourceId": resource, "httpMethod": verb}
        current = self.gateway.get_method(**address)
        integration = current.get("methodIntegration") or {}
        # PutMethod, because PatchMethod cannot name a content type with a slash here; it drops the integration.
        request = {key: current[key] for key in _KEPT_OF_METHOD if current.get(key)}
        request["requestModels"] = _request_models(operation)
        request["requestParameters"] = _request_parameters([*shared, *(operation.get("parameters") or [])])
        key = "x-amazon-apigateway-request-validator"
        validator = operation.get(key) or self.document.get(key)
        if validator:
            request["requestValidatorId"] = validators[validator]
        self.gateway.put_method(**address, **request)
        if integration.get("type") == "MOCK":
            self._mock(address, operation["x-amazon-apigateway-integration"])
        elif integration:
            self.gateway.put_integration(
                **address, type=integration["type"], integrationHttpMethod="POST", uri=integration["uri"],
            )

    def _mock(self, address: dict[str, str], wanted: dict[str, Any]) -> None:
        self.gateway.put_integration(**address, type="MOCK", requestTemplates=wanted.get("requestTemplates", {}))
        for response in (wanted.get("responses") or {}).values():
            status, headers = str(response["statusCode"]), response.get("responseParameters", {})
            self.gateway.put_method_response(
                **address, statusCode=status, responseParameters=dict.fromkeys(headers, False),
            )
            self.gateway.put_integration_response(
                **address, statusCode=status, responseParameters=headers,
                responseTemplates=response.get("responseTemplates", {}),
            )


def _request_models(operation: dict[str, Any]) -> dict[str, str]:
    content = (operation.get("requestBody") or {}).get("content") or {}
    return {
        kind: body["schema"]["$ref"].rpartition("/")[2]
        for kind, body in content.items() if "$ref" in body.get("schema", {})
    }


def _request_parameters(parameters: list[dict[str, Any]]) -> dict[str, bool]:
    return {
        f"method.request.{_LOCATIONS[item['in']]}.{item['name']}": bool(item.get("required"))
        for item in parameters if item.get("in") in _LOCATIONS
    }


def _gateway_responses(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """SAM's GatewayResponses in the form of the API."""
    found = {}
    for name, wanted in (properties.get("GatewayResponses") or {}).items():
        headers = (wanted.get("ResponseParameters") or {}).get("Headers") or {}
        response: dict[str, Any] = {
            "responseTemplates": wanted.get("ResponseTemplates") or {},
            "responseParameters": {f"gatewayresponse.header.{key}": value for key, value in headers.items()},
        }
        if wanted.get("StatusCode"):
            response["statusCode"] = str(wanted["StatusCode"])
        found[name] = response
    return found


def _read(template: Path) -> dict[str, Any]:
    """A template with its intrinsic functions (!Ref, !Sub …) read as plain values."""
    import yaml

    class Loader(yaml.SafeLoader):
        """SafeLoader that knows any tag."""

    def plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", plain)
    with template.open(encoding="utf-8") as file:
        return yaml.load(file, Loader)
