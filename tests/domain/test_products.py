"""Rule 7: products are matched by SKU, exact case, else created; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import ProductDraft, Variant, encode
from katana_woo_sync.domain.mapping import SERVICE_NAME, Unmappable
from katana_woo_sync.domain.products import (
    check_line,
    created_variants,
    fee_service_draft,
    pick_variant,
    price_factor,
    product_draft,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import LineItem, Product
from tests.domain.samples import Json, item, make_order

DELETED = {"deleted_at": "2026-01-01T00:00:00Z"}
ARCHIVED = {"archived_at": "2026-01-01T00:00:00Z"}


def variant(variant_id: int, sku: str = "MUG-01", **more: object) -> Variant:
    """A Katana variant."""
    return convert({"id": variant_id, "sku": sku} | more, Variant)


def parent(**more: object) -> Json:
    """The item that a variant belongs to."""
    return {"id": 1, "name": "Mug"} | more


def line(**more: object) -> LineItem:
    """A line item."""
    return convert(item(1, "10") | more, LineItem)


def product(**more: object) -> Product:
    """A product of the shop."""
    return convert({"id": 10, "name": "Mug", "type": "simple", "sku": "MUG"} | more, Product)


def option(name: str, chosen: str) -> Json:
    """A variation's attribute."""
    return {"name": name, "option": chosen}


SHIRT = product(
    name="Shirt",
    type="variable",
    sku="SHIRT",
    attributes=[
        {"name": "Colour", "variation": True, "options": ["Red", "Blue"]},
        {"name": "Care", "variation": False, "options": ["30 °C"]},
    ],
)
RED = product(id=21, sku="SHIRT-R", price="12.40", attributes=[option("Colour", "Red")])
BLUE = product(id=22, sku="SHIRT-B", price="12.40", attributes=[option("Colour", "Blue")])


def test_rule_07_the_living_variant_with_the_exact_sku() -> None:
    answered = [variant(1, **DELETED), variant(2, "mug-01"), variant(3)]
    assert pick_variant("MUG-01", iter(answered)) == answered[2]
    assert pick_variant("MUG-01", []) is None
    assert pick_variant("MUG-01", [variant(1, **DELETED)]) is None


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        ([variant(1), variant(2)], Reason.SKU_AMBIGUOUS),
        ([variant(1, **ARCHIVED)], Reason.ITEM_ARCHIVED),
        ([variant(1, product_or_material=parent(**ARCHIVED))], Reason.ITEM_ARCHIVED),
        ([variant(1, product_or_material=parent(is_sellable=False))], Reason.ITEM_NOT_SELLABLE),
        ([variant(1, "mug-01")], Reason.SKU_LOOKS_ALIKE),
    ],
)
def test_rule_07_a_doubtful_sku_is_for_attention(
    answered: Sequence[Variant], reason: Reason
) -> None:
    with pytest.raises(Unmappable) as caught:
        pick_variant("MUG-01", iter(answered))
    assert caught.value.reason is reason
    assert "MUG-01" in caught.value.detail


def test_rule_07_one_archived_and_one_living_is_the_living_one() -> None:
    assert pick_variant("MUG-01", [variant(1, **ARCHIVED), variant(2)]) == variant(2)


@pytest.mark.parametrize(
    ("line_item", "there", "reason"),
    [
        (line(product_id=0, sku=None), None, Reason.PRODUCT_DELETED),
        (line(sku=""), None, Reason.PRODUCT_DELETED),
        (line(variation_id=0, sku="SHIRT"), SHIRT, Reason.VARIATION_DELETED),
        (line(variation_id=21, sku="SHIRT"), SHIRT, Reason.VARIATION_WITHOUT_SKU),
        (line(variation_id=21, sku=""), SHIRT, Reason.VARIATION_WITHOUT_SKU),
    ],
)
def test_a_sku_that_is_not_the_lines_own_is_never_taken_for_it(
    line_item: LineItem, there: Product | None, reason: Reason
) -> None:
    with pytest.raises(Unmappable) as caught:
        check_line(line_item, there)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("line_item", "there"),
    [
        (line(), product()),
        (line(sku=""), product(sku="")),
        (line(), None),  # in the trash: the SKU is still its own
        (line(variation_id=21, sku="SHIRT-R"), SHIRT),
    ],
)
def test_a_sku_of_its_own_is_taken(line_item: LineItem, there: Product | None) -> None:
    check_line(line_item, there)


def test_rule_07_a_simple_product_is_created_with_its_price_without_tax() -> None:
    # 12.40 with 24 % tax is 10 without
    draft = product_draft(product(name="Tom &amp; Jerry's", price="12.40"), (), Decimal("1.24"))
    assert (draft.name, draft.uom, draft.is_sellable) == ("Tom & Jerry's", "pcs", True)
    (only,) = draft.variants
    assert (only.sku, str(only.sales_price), only.config_attributes) == ("MUG", "10", ())
    assert encode(draft) == (
        b'{"name":"Tom & Jerry\'s","uom":"pcs","variants":[{"sku":"MUG","sales_price":10}],'
        b'"is_sellable":true}'
    )


@pytest.mark.parametrize(("price", "factor"), [("0", Decimal(1)), ("", Decimal(1)), ("5", None)])
def test_a_product_without_a_usable_price_has_none_in_katana(
    price: str, factor: Decimal | None
) -> None:
    assert product_draft(product(price=price), (), factor).variants[0].sales_price is None


def test_rule_07_a_variable_product_is_one_product_with_options_and_variants() -> None:
    draft = product_draft(SHIRT, (RED, BLUE), Decimal("1.24"))
    assert [(c.name, c.values) for c in draft.configs] == [("Colour", ("Red", "Blue"))]
    assert [v.sku for v in draft.variants] == ["SHIRT-R", "SHIRT-B"]
    assert [v.config_attributes[0].config_value for v in draft.variants] == ["Red", "Blue"]


def test_a_variation_never_takes_its_parents_sku() -> None:
    without = product(id=23, sku="SHIRT", attributes=[option("Colour", "Green")])
    assert product_draft(SHIRT, (RED, without), None).variants[1].sku is None


@pytest.mark.parametrize(
    ("there", "variations"),
    [
        (product(name="<b></b>"), ()),
        (product(attributes=[]), (RED,)),
        (SHIRT, (product(sku="SHIRT-X", attributes=[]),)),
        (SHIRT, (product(sku="SHIRT-X", attributes=[option("Colour", "")]),)),
        (SHIRT, (RED, RED)),
    ],
    ids=["no name", "no options", "option missing", "any option", "shared SKU"],
)
def test_a_product_that_katana_cannot_hold_is_for_attention(
    there: Product, variations: Sequence[Product]
) -> None:
    with pytest.raises(Unmappable) as caught:
        product_draft(there, variations, None)
    assert caught.value.reason is Reason.PRODUCT_NOT_REPRESENTABLE


def test_more_than_ten_options_cannot_be_held() -> None:
    names = [f"Option {n}" for n in range(11)]
    many = product(attributes=[{"name": name, "variation": True} for name in names])
    variation = product(attributes=[option(name, "x") for name in names])
    with pytest.raises(Unmappable, match="11 options"):
        product_draft(many, (variation,), None)


def test_created_variants_are_told_by_sku_and_one_without_by_its_place() -> None:
    without = product(id=23, sku="", attributes=[option("Colour", "Green")])
    draft = product_draft(SHIRT, (RED, without, BLUE), None)
    answered = [variant(7, "SHIRT-B"), variant(8, ""), variant(9, "SHIRT-R")]
    found = created_variants(draft, (RED, without, BLUE), answered)
    assert {key: int(there.id) for key, there in found.items()} == {21: 9, 23: 8, 22: 7}


def test_a_simple_products_variant_is_the_only_one() -> None:
    draft = ProductDraft(name="Mug", uom="pcs", variants=())
    assert created_variants(draft, (), [variant(7)]) == {0: variant(7)}
    assert created_variants(draft, (), []) == {}


def test_rule_07_the_price_factor_is_that_of_the_lines_rate() -> None:
    order = make_order()
    assert price_factor(order, order.line_items[0], Decimal("12.40")) == Decimal("1.24")
    exclusive = make_order(inclusive=False)
    assert price_factor(exclusive, exclusive.line_items[0], Decimal("12.40")) == 1


def test_the_price_factor_of_a_tax_exempt_customer_is_what_the_shop_took_off() -> None:
    order = make_order(item(1, "20", quantity="2", subtotal="20"), tax_lines=[])
    assert price_factor(order, order.line_items[0], Decimal("12.40")) == Decimal("1.24")
    free = make_order(item(1, "0", quantity="0"), tax_lines=[])
    assert price_factor(free, free.line_items[0], Decimal("12.40")) == 1


def test_the_service_item_for_fees() -> None:
    draft = fee_service_draft()
    assert (draft.name, draft.uom, draft.is_sellable) == (SERVICE_NAME, "pcs", True)
    assert len(draft.variants) == 1
