"""The sandbox Katana's customers, products, services, tax rates and places."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.sandbox.katana_support import Shop, open_shop

SIZES = {"name": "Size", "values": ["S", "M"]}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def sized(sku: str, size: str, config: str = "Size") -> dict[str, object]:
    return {"sku": sku, "config_attributes": [{"config_name": config, "config_value": size}]}


def shirt(*variants: dict[str, object]) -> dict[str, object]:
    return {"name": "Shirt", "uom": "pcs", "configs": [SIZES], "variants": list(variants)}


def skus(rows: list[dict[str, object]]) -> list[object]:
    return [row["sku"] for row in rows]


def test_many_skus_are_asked_for_at_once_with_their_case(shop: Shop) -> None:
    shop.katana.add_product("Cup", "CUP")
    shop.katana.add_product("Cup", "cup")
    found = shop.get("variants?sku=cup&sku=MUG-1&sku=NONE")
    assert skus(found) == ["cup", "MUG-1"]


def test_a_sku_may_be_held_by_two_variants(shop: Shop) -> None:
    shop.katana.add_product("Mug again", "MUG-1")
    assert len(shop.get("variants?sku=MUG-1")) == 2


def test_extend_adds_what_the_variant_belongs_to(shop: Shop) -> None:
    shop.katana.add_material("Clay", "CLAY")
    clay, mug = shop.get("variants?extend=product_or_material")
    parents = [row["product_or_material"] for row in (clay, mug)]
    assert isinstance(parents[0], dict)
    assert isinstance(parents[1], dict)
    assert (parents[0]["type"], parents[0]["is_sellable"]) == ("material", False)
    assert (parents[1]["type"], parents[1]["name"]) == ("product", "Mug")
    assert clay["product_id"] is None
    assert "product_or_material" not in shop.get("variants")[0]


def test_archived_and_deleted_variants_come_only_when_asked_for(shop: Shop) -> None:
    shop.katana.add_product("Old", "OLD", archived=True)
    shop.katana.delete_variant(shop.katana.add_product("Gone", "GONE"))
    assert skus(shop.get("variants")) == ["MUG-1"]
    assert skus(shop.get("variants?include_archived=true")) == ["OLD", "MUG-1"]
    assert skus(shop.get("variants?include_deleted=true")) == ["GONE", "MUG-1"]


def test_a_service_that_is_deleted_goes_with_its_variant(shop: Shop) -> None:
    service = {"name": "Wrap", "uom": "pcs", "variants": [{"sku": "WRAP"}]}
    made = shop.one("POST", "services", service)
    assert shop.send("DELETE", f"services/{made['id']}").status_code == 204
    assert shop.get("services") == []
    assert [row["name"] for row in shop.get("services?include_deleted=true")] == ["Wrap"]
    assert skus(shop.get("variants")) == ["MUG-1"]
    assert shop.send("DELETE", f"services/{made['id']}").status_code == 404


def test_a_customer_that_is_deleted_comes_only_when_asked_for(shop: Shop) -> None:
    made = shop.one("POST", "customers", {"name": "Ann", "reference_id": "x#1"})
    assert shop.send("DELETE", f"customers/{made['id']}").status_code == 204
    assert shop.get("customers?reference_id=x%231") == []
    assert len(shop.get("customers?reference_id=x%231&include_deleted=true")) == 1


def test_what_cannot_be_deleted_is_refused(shop: Shop) -> None:
    made = shop.one("POST", "customers", {"name": "Ann"})
    shop.katana.refuse_deletions("/customers")
    assert shop.send("DELETE", f"customers/{made['id']}").status_code == 412
    assert shop.katana.customers()[-1].deleted_at is None


def test_deletions_may_be_answered_with_what_was_deleted(shop: Shop) -> None:
    made = shop.one("POST", "customers", {"name": "Ann"})
    shop.katana.answer_deletions(status=200, with_body=True)
    answer = shop.send("DELETE", f"customers/{made['id']}")
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])


def test_archived_products_come_only_when_asked_for(shop: Shop) -> None:
    shop.katana.archive_variant(shop.variant)
    assert shop.get("products") == []
    assert [row["name"] for row in shop.get("products?include_archived=true")] == ["Mug"]


def test_a_product_with_options_is_created(shop: Shop) -> None:
    made = shop.one("POST", "products", shirt(sized("S-S", "S"), sized("S-M", "M")))
    assert isinstance(made["variants"], list)
    assert skus(made["variants"]) == ["S-S", "S-M"]
    assert shop.one("GET", f"products/{made['id']}") == made
    assert [v["sku"] for v in shop.get(f"variants?product_id={made['id']}")] == ["S-M", "S-S"]


@pytest.mark.parametrize(
    ("variants", "problem"),
    [
        ([{"sku": "A"}], ("/variants/0/config_attributes", "configs")),
        ([sized("A", "XL")], ("/variants/0/config_attributes", "configValue")),
        ([sized("A", "S", "Colour")], ("/variants/0/config_attributes", "configs")),
        ([sized("A", "S"), sized("B", "S")], ("/variants", "unique")),
        ([sized("A", "S"), sized("A", "M")], ("/variants/1/sku", "unique")),
        ([sized("MUG-1", "S")], ("/variants/0/sku", "unique")),
    ],
)
def test_a_product_that_cannot_be_is_refused(
    shop: Shop, variants: list[dict[str, object]], problem: tuple[str, str]
) -> None:
    assert shop.refused("POST", "products", shirt(*variants)) == [problem]


def test_a_variant_is_added_to_its_product(shop: Shop) -> None:
    product = shop.one("POST", "products", shirt(sized("S-S", "S")))["id"]
    body = {"product_id": product, **sized("S-M", "M")}
    assert shop.one("POST", "variants", body)["product_id"] == product
    assert shop.refused("POST", "variants", {"product_id": product, "sku": "X"}) == [
        ("/config_attributes", "configs")
    ]
    assert shop.refused("POST", "variants", {"sku": "X"}) == [("", "parent")]
    again = {"product_id": product, **sized("S-M-2", "M")}
    assert shop.refused("POST", "variants", again) == [("/config_attributes", "unique")]


def test_a_service_is_an_item_without_stock_tracking(shop: Shop) -> None:
    body = {"name": "WooCommerce fee", "uom": "pcs", "variants": [{"sku": "FEE"}]}
    made = shop.one("POST", "services", body)
    assert shop.get("services?name=WooCommerce%20fee") == [made]
    assert [v["type"] for v in shop.get("variants?sku=FEE")] == ["service"]


def test_a_price_of_zero_is_a_price(shop: Shop) -> None:
    body = {"name": "Gift", "variants": [{"sku": "GIFT", "sales_price": 0}]}
    shop.one("POST", "products", body)
    assert shop.get("variants?sku=GIFT")[0]["sales_price"] == 0


def test_customers_are_found_by_what_they_are_known_by(shop: Shop) -> None:
    body = {"name": "Bo Ek", "email": "bo@example.com", "reference_id": "shop#8"}
    made = shop.one("POST", "customers", body)
    for query in ("reference_id=shop%238", "email=bo@example.com", "name=Bo%20Ek"):
        assert shop.get(f"customers?{query}") == [made]
    assert shop.get("customers?email=nobody@example.com") == []


def test_a_customer_has_its_addresses(shop: Shop) -> None:
    address = {"entity_type": "billing", "zip": "10115", "default": True}
    made = shop.one("POST", "customers", {"name": "Bo", "addresses": [address]})
    assert isinstance(made["addresses"], list)
    assert made["default_billing_id"] == made["addresses"][0]["id"]
    assert made["addresses"][0]["zip"] == "10115"


def test_a_reference_of_over_100_characters_is_refused(shop: Shop) -> None:
    body = {"name": "Bo", "reference_id": "x" * 101}
    assert shop.refused("POST", "customers", body) == [("/reference_id", "maxLength")]


def test_a_customer_is_patched(shop: Shop) -> None:
    path = f"customers/{shop.customer}"
    patched = shop.one("PATCH", path, {"phone": "+372 1", "email": None})
    assert (patched["phone"], patched["email"], patched["name"]) == ("+372 1", None, "Ann Lee")
    assert shop.send("PATCH", "customers/3", {"phone": "1"}).status_code == 404


def test_tax_rates_are_found_by_percentage(shop: Shop) -> None:
    made = shop.one("POST", "tax_rates", {"rate": 8.375, "name": "NY"})
    assert shop.get("tax_rates?rate=8.375") == [made]
    assert made["rate"] == Decimal("8.375")
    assert [r["name"] for r in shop.get("tax_rates?is_default_sales=true")] == ["Default tax"]


def test_there_is_one_primary_location(shop: Shop) -> None:
    depot = shop.katana.add_location("Depot", is_primary=True)
    assert [p["id"] for p in shop.get("locations?is_primary=true")] == [depot]
    assert shop.one("GET", f"locations/{depot}")["sales_allowed"] is True
    shop.katana.remove_location(depot)
    assert shop.send("GET", f"locations/{depot}").status_code == 404
    assert len(shop.get("locations?include_deleted=true")) == 2


def test_the_factory_tells_the_base_currency(shop: Shop) -> None:
    factory = shop.one("GET", "factory")
    assert factory["base_currency_code"] == "EUR"
    assert factory["default_so_delivery_time"] == "14"
    assert factory["default_sales_location_id"] == shop.katana.main_location_id
