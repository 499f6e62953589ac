"""The sandbox holds requests to Katana's published contract, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from katana_woo_sync.sandbox.katana.api import CALLS, Call
from tests.sandbox.katana_support import Shop, open_shop

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "katana" / "openapi-requests.yaml"

needs_contract = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the published contract is not beside the checkout"
)


Schema = Mapping[str, Any]

BODIES = [call for call in CALLS if call.method != "GET" and call.schema is not None]
LISTS = [call for call in CALLS if call.method == "GET" and call.schema is not None]
DATES = {f"{name}_at_{end}" for name in ("created", "updated") for end in ("min", "max")}
LIMITS = ("minimum", "maximum", "maxLength", "maxItems")
LEAST = ("minLength", "minItems")


@cache
def published() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    document: dict[str, Any] = yaml.load(
        PUBLISHED.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return document


def said(schema: Schema) -> dict[str, Any]:
    """What a schema says, however it says it: with or without references, null as an alternative
    or among the types, zero as a least length or none."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return said(published()["components"]["schemas"][name])
    alternatives = [a for a in schema.get("anyOf", ()) if a.get("type") != "null"]
    if len(alternatives) == 1:
        nullable = len(schema["anyOf"]) == 2
        return {**said(alternatives[0]), **({"nullable": True} if nullable else {})}
    kinds = schema.get("type", "")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return {
        "type": kind or ("string" if "enum" in schema else ""),
        "nullable": schema.get("nullable", False) or kinds != kind,
        "enum": sorted(schema.get("enum", ())),
        "required": sorted(schema.get("required", ())),
        "closed": schema.get("additionalProperties") is False,
        "properties": {k: said(v) for k, v in schema.get("properties", {}).items()},
        "items": said(schema["items"]) if "items" in schema else None,
        **{name: schema.get(name, 0) for name in LEAST},
        # some of the published limits are floats
        **{name: float(schema[name]) for name in LIMITS if name in schema},
    }


def published_body(call: Call) -> Schema:
    endpoint = published()["paths"][call.path][call.method.lower()]
    body: Schema = endpoint["requestBody"]["content"]["application/json"]["schema"]
    return body


def published_parameters(call: Call) -> list[Schema]:
    parameters: list[Schema] = published()["paths"][call.path]["get"]["parameters"]
    return parameters


def fields_of(call: Call) -> dict[str, Schema]:
    assert call.schema is not None
    fields: dict[str, Schema] = call.schema["properties"]
    return fields


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@needs_contract
@pytest.mark.parametrize("call", BODIES, ids=name_of)
def test_each_body_has_the_published_fields_limits_and_enums(call: Call) -> None:
    assert call.schema is not None
    assert said(call.schema) == said(published_body(call))


@needs_contract
@pytest.mark.parametrize("call", LISTS, ids=name_of)
def test_each_list_has_the_published_filters(call: Call) -> None:
    named = {p["name"]: p.get("schema") for p in published_parameters(call)}
    filters = {k: said(v) for k, v in named.items() if v is not None}
    common = {"limit", "page", *DATES}
    assert {k: said(v) for k, v in fields_of(call).items() if k not in common} == filters


@needs_contract
@pytest.mark.parametrize("call", LISTS, ids=name_of)
def test_dates_are_taken_where_the_contract_takes_them(call: Call) -> None:
    dated = any(p["name"] == "dateFilter" for p in published_parameters(call))
    assert (fields_of(call).keys() >= DATES) is dated


def test_every_body_refuses_fields_that_it_does_not_list() -> None:
    assert len(BODIES) == 14
    schemas = [call.schema for call in BODIES]
    assert all(schema and schema["additionalProperties"] is False for schema in schemas)


def test_every_list_is_limited_to_250() -> None:
    assert len(LISTS) == 13
    assert all(fields_of(call)["limit"]["maximum"] == 250 for call in LISTS)


def test_an_unknown_field_is_answered_as_katana_does(shop: Shop) -> None:
    body = shop.draft(sales_order_rows=[shop.row(x=1)])
    answer = shop.send("POST", "sales_orders", body)
    assert answer.status_code == 422
    assert answer.json() == {
        "statusCode": 422,
        "name": "UnprocessableEntityError",
        "message": "The request body is invalid. "
        "See error object `details` property for more info.",
        "code": "VALIDATION_FAILED",
        "details": [
            {
                "path": "/sales_order_rows/0",
                "code": "additionalProperties",
                "message": "must NOT have additional properties",
                "info": {"additionalProperty": "x"},
            }
        ],
    }


def test_all_problems_of_a_body_are_listed(shop: Shop) -> None:
    row = {"variant_id": "7", "quantity": -1, "price_per_unit": None}
    address = {"entity_type": "home"}
    body = {
        "sales_order_rows": [row],
        "addresses": [address],
        "status": "DELIVERED",
        "order_no": "",
    }
    assert shop.refused("POST", "sales_orders", body) == [
        ("", "required"),
        ("/addresses/0/entity_type", "enum"),
        ("/order_no", "minLength"),
        ("/sales_order_rows/0/price_per_unit", "type"),
        ("/sales_order_rows/0/quantity", "minimum"),
        ("/sales_order_rows/0/variant_id", "type"),
        ("/status", "enum"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("sales_orders", {"customer_id": 1, "sales_order_rows": []}, "minItems"),
        ("products", {"name": "A", "variants": [{}], "uom": "12345678"}, "maxLength"),
        ("tax_rates", {"rate": 1000}, "maximum"),
        ("tax_rates", {"rate": "24"}, "type"),
        ("services", {"name": "A", "variants": [{}, {}]}, "maxItems"),
        ("sales_order_shipping_fee", {"sales_order_id": 1, "amount": 5}, "type"),
        ("customers", {"name": ""}, "minLength"),
        ("customers", ["name"], "type"),
    ],
)
def test_a_limit_that_is_broken_is_named(shop: Shop, path: str, body: object, problem: str) -> None:
    assert [code for _, code in shop.refused("POST", path, body)] == [problem]


def test_null_is_taken_only_where_the_contract_says_nullable(shop: Shop) -> None:
    shop.order(additional_info=None, ecommerce_order_id=None)
    assert shop.refused("POST", "sales_orders", shop.draft(currency=None)) == [
        ("/currency", "type")
    ]


def test_ecommerce_fields_cannot_be_changed(shop: Shop) -> None:
    order = shop.order(ecommerce_order_id="57")
    body = {"ecommerce_order_id": "58"}
    problems = shop.refused("PATCH", f"sales_orders/{order}", body)
    assert problems == [("", "additionalProperties")]


def test_contract_violations_are_remembered_and_refusals_apart(shop: Shop) -> None:
    shop.send("POST", "customers", {"nom": "Ann"})
    shop.send("POST", "sales_orders", shop.draft(customer_id=5))
    (violation,), (refusal,) = shop.katana.contract_violations, shop.katana.refusals
    assert (violation.method, violation.path) == ("POST", "/v1/customers")
    assert b"nom" in violation.body
    assert refusal.message == "Customer 5 does not exist"
