"""The sandbox holds requests to Katana's published contract, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.katana.contract import BODIES, Body
from katana_woo_sync.sandbox.katana.queries import QUERIES, DatedQuery, ListQuery
from katana_woo_sync.sandbox.katana.schema import Node, node_of, schema_of
from tests.sandbox.katana_support import Shop, open_shop

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "katana" / "openapi-requests.yaml"

needs_contract = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the published contract is not beside the checkout"
)


@cache
def published() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    yaml = pytest.importorskip("yaml")
    document: dict[str, dict[str, dict[str, dict[str, object]]]] = yaml.load(
        PUBLISHED.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return document


def definitions() -> dict[str, dict[str, object]]:
    return published()["components"]["schemas"]


def published_body(method: str, path: str) -> Node:
    body = published()["paths"][path][method]["requestBody"]
    assert isinstance(body, dict)
    return node_of(body["content"]["application/json"]["schema"], definitions())


def published_filters(path: str) -> Node:
    parameters = published()["paths"][path]["get"]["parameters"]
    assert isinstance(parameters, list)
    named = {p["name"]: p.get("schema") for p in parameters}
    fields = {k: node_of(v, definitions()) for k, v in named.items() if v is not None}
    return Node(properties=fields)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@needs_contract
@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_each_body_has_the_published_fields_limits_and_enums(endpoint: tuple[str, str]) -> None:
    assert schema_of(BODIES[endpoint]) == published_body(*endpoint)


@needs_contract
@pytest.mark.parametrize("path", QUERIES)
def test_each_list_has_the_published_filters(path: str) -> None:
    common = schema_of(DatedQuery).properties
    own = schema_of(QUERIES[path]).properties
    assert published_filters(path) == Node(
        properties={name: node for name, node in own.items() if name not in common}
    )


@needs_contract
@pytest.mark.parametrize("path", QUERIES)
def test_dates_are_taken_where_the_contract_takes_them(path: str) -> None:
    parameters = published()["paths"][path]["get"]["parameters"]
    assert isinstance(parameters, list)
    dated = any(p["name"] == "dateFilter" for p in parameters)
    assert issubclass(QUERIES[path], DatedQuery) is dated


def test_every_body_refuses_fields_that_it_does_not_list() -> None:
    kinds: list[type[Body]] = list(BODIES.values())
    assert all(schema_of(kind).additional_properties is False for kind in kinds)


def test_every_list_is_limited_to_250() -> None:
    assert all(schema_of(kind).properties["limit"].maximum == 250 for kind in QUERIES.values())
    assert issubclass(DatedQuery, ListQuery)


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
