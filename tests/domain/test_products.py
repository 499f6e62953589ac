"""Rule 7: products are matched by SKU, exact case, else created; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from katana_woo_sync.domain.fields import Text, Whole, convert
from katana_woo_sync.domain.katana import Config, ProductDraft, Variant, encode
from katana_woo_sync.domain.katana import Product as KatanaProduct
from katana_woo_sync.domain.product_drafts import (
    created_variants,
    fitting_draft,
    is_first_of_its_choice,
    new_variant_draft,
    product_draft,
    service_item_draft,
    variant_draft,
)
from katana_woo_sync.domain.products import (
    in_katana,
    is_deleted,
    is_deleted_variation,
    looks_alike,
    name_of_deleted,
    pick_variant,
    price_factor,
    product_of_siblings,
    same_options,
    sku_of_line,
    skus_in_katana,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import SERVICE_NAME, Unmappable
from katana_woo_sync.domain.woocommerce import LineItem, Product
from tests.domain.samples import Json, item, make_order

SHOP = "shop.example"
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


CHOSEN = {"key": "colour", "value": "red", "display_key": "Colour", "display_value": "Red"}


@pytest.mark.parametrize(
    ("attribute", "meta"),
    [
        ({"name": "Colour"}, CHOSEN),
        ({"name": "Colour", "slug": "pa_colour"}, {"key": "pa_colour", "value": "red"}),
        ({"name": "Colour", "slug": "pa_farbe"}, {"key": "pa_farbe", "value": "red"}),
        ({"name": "Shoe Size"}, {"key": "shoe-size", "value": "red"}),
        ({"name": "Χρώμα"}, {"key": "%cf%87%cf%81%cf%8e%ce%bc%ce%b1", "value": "red"}),
        ({"name": "Gone"}, {"key": "pa_colour", "value": "red", "display_key": "Colour"}),
    ],
)
def test_a_line_keeps_what_was_chosen_of_a_deleted_variation(attribute: Json, meta: Json) -> None:
    there = product(type="variable", attributes=[attribute | {"variation": True}])
    assert is_deleted_variation(line(variation_id=0, meta_data=[meta]), there)


@pytest.mark.parametrize(
    "meta",
    [
        {"key": "engraving", "value": "To Anna"},
        {"key": "_reduced_stock", "value": "1"},
        {"key": "care", "value": "30 °C"},
        {"key": "colour", "value": ""},
    ],
)
def test_other_meta_tells_of_no_variation(meta: Json) -> None:
    assert not is_deleted_variation(line(variation_id=0, meta_data=[meta]), SHIRT)


def test_a_deleted_variation_is_named_by_what_was_chosen() -> None:
    sold = line(variation_id=0, name="Shirt", meta_data=[CHOSEN])
    assert name_of_deleted(sold, SHIRT) == "Shirt - Red"
    named = line(variation_id=0, name="Shirt - Red", meta_data=[CHOSEN])
    assert name_of_deleted(named, SHIRT) == "Shirt - Red"
    assert name_of_deleted(line(name="Mug", meta_data=[CHOSEN]), product()) == "Mug"


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
    ],
)
def test_rule_07_a_doubtful_sku_is_for_attention(
    answered: Sequence[Variant], reason: Reason
) -> None:
    with pytest.raises(Unmappable) as caught:
        pick_variant("MUG-01", iter(answered))
    assert caught.value.reason is reason
    assert "MUG-01" in caught.value.detail


def test_rule_07_a_sku_in_another_case_is_another_sku() -> None:
    assert pick_variant("MUG-01", [variant(1, "mug-01")]) is None
    assert looks_alike("MUG-01", [variant(1, "mug-01")]) == "mug-01"
    assert looks_alike("MUG-01", [variant(1), variant(2, "mug-01", **DELETED)]) is None


def test_rule_07_one_archived_and_one_living_is_the_living_one() -> None:
    assert pick_variant("MUG-01", [variant(1, **ARCHIVED), variant(2)]) == variant(2)


@pytest.mark.parametrize(
    ("line_item", "there", "sku"),
    [
        (line(sku="MUG-01"), product(), "MUG-01"),
        (line(sku=""), product(sku=""), ""),
        (line(variation_id=21, sku="SHIRT-R"), SHIRT, "SHIRT-R"),
        (line(variation_id=21, sku="SHIRT"), SHIRT, ""),
        (line(variation_id=0, sku="SHIRT", meta_data=[CHOSEN]), SHIRT, ""),
        (line(variation_id=0, sku="SHIRT"), SHIRT, "SHIRT"),
        (line(product_id=0, sku=None), None, ""),
        (line(product_id=0, sku="OLD-1"), None, "OLD-1"),
        (line(sku="MUG-01"), None, "MUG-01"),
    ],
    ids=[
        "own",
        "none",
        "variation",
        "its parent's",
        "deleted variation",
        "the product itself",
        "deleted",
        "without a product",
        "unanswered",
    ],
)
def test_a_sku_that_is_not_the_lines_own_is_never_taken_for_it(
    line_item: LineItem, there: Product | None, sku: str
) -> None:
    assert sku_of_line(line_item, there) == sku


def test_a_deleted_product_and_a_deleted_variation_are_told() -> None:
    assert is_deleted(line(product_id=0, sku=None), None)
    assert is_deleted(line(variation_id=0, sku="SHIRT", meta_data=[CHOSEN]), SHIRT)
    assert not is_deleted(line(variation_id=0, sku="SHIRT"), SHIRT)
    assert not is_deleted(line(variation_id=21), SHIRT)
    assert not is_deleted(line(), product())


def test_a_new_variation_belongs_to_the_product_of_its_siblings() -> None:
    there = [
        variant(1, product_id=7),
        variant(2, product_id=7),
        variant(3, product_id=9, **DELETED),
    ]
    assert product_of_siblings(line(), there) == 7
    assert product_of_siblings(line(), []) is None
    assert product_of_siblings(line(), [variant(4)]) is None  # a service
    for odd in ([*there, variant(4, product_id=8)], [variant(5, material_id=3)]):
        with pytest.raises(Unmappable) as caught:
            product_of_siblings(line(), odd)
        assert caught.value.reason is Reason.NEW_VARIATION


def katana_product(*variants: Json, configs: Sequence[str] = ("Colour",)) -> KatanaProduct:
    """A product that Katana has."""
    named = [{"id": n, "name": name, "values": []} for n, name in enumerate(configs)]
    return convert(
        {"id": 7, "name": "Shirt", "configs": named, "variants": variants}, KatanaProduct
    )


def red(sku: str | None) -> Json:
    """A red variant."""
    chosen = [{"config_name": "Colour", "config_value": "Red"}]
    return {"id": 3, "sku": sku, "config_attributes": chosen}


def test_the_variant_of_the_same_options_is_the_one_unless_it_has_another_sku() -> None:
    options = frozenset({("Colour", "Red")})
    for sku in (None, "SHIRT-R"):
        found = same_options(katana_product(red(sku)), options, "SHIRT-R")
        assert found is not None
        assert found.id == 3
    assert same_options(katana_product(), options, None) is None
    with pytest.raises(Unmappable, match="SHIRT-X"):
        same_options(katana_product(red("SHIRT-X")), options, "SHIRT-R")


def test_a_new_variation_speaks_of_the_options_as_katana_does() -> None:
    draft = variant_draft(SHIRT, RED, None)
    made = new_variant_draft(draft, katana_product(configs=["COLOUR"]))
    assert [a.config_name for a in made.config_attributes] == ["COLOUR"]
    with pytest.raises(Unmappable, match="Size"):
        new_variant_draft(draft, katana_product(configs=["Size"]))


def test_rule_07_a_simple_product_is_created_with_its_price_without_tax() -> None:
    # 12.40 with 24 % tax is 10 without
    draft = product_draft(
        product(name="Tom &amp; Jerry's", price="12.40"), (), Decimal("1.24"), SHOP
    )
    assert (draft.name, draft.uom, draft.is_sellable) == ("Tom & Jerry's", "pcs", True)
    (only,) = draft.variants
    assert (only.sku, str(only.sales_price), only.config_attributes) == ("MUG", "10", ())
    assert encode(draft) == (
        b'{"name":"Tom & Jerry\'s","uom":"pcs","variants":[{"sku":"MUG","sales_price":10}],'
        b'"additional_info":"WooCommerce product 10 of shop.example","is_sellable":true}'
    )


@pytest.mark.parametrize(("price", "factor"), [("0", Decimal(1)), ("", Decimal(1)), ("5", None)])
def test_a_product_without_a_usable_price_has_none_in_katana(
    price: str, factor: Decimal | None
) -> None:
    assert product_draft(product(price=price), (), factor, SHOP).variants[0].sales_price is None


def test_rule_07_a_variable_product_is_one_product_with_options_and_variants() -> None:
    draft = product_draft(SHIRT, (RED, BLUE), Decimal("1.24"), SHOP)
    assert [(c.name, c.values) for c in draft.configs] == [("Colour", ("Red", "Blue"))]
    assert [v.sku for v in draft.variants] == ["SHIRT-R", "SHIRT-B"]
    assert [v.config_attributes[0].config_value for v in draft.variants] == ["Red", "Blue"]


def test_category_and_barcode_come_along_where_katana_takes_them() -> None:
    categories = [{"name": "Uncategorized"}, {"name": "Cups &amp; mugs"}]
    mug = product(categories=categories, global_unique_id="4006381333931")
    draft = product_draft(mug, (), None, SHOP)
    assert draft.category_name == "Cups & mugs"
    assert draft.variants[0].registered_barcode == "4006381333931"
    bare = product_draft(product(global_unique_id="12"), (), None, SHOP)
    assert (bare.category_name, bare.variants[0].registered_barcode) == (None, None)


def test_a_variation_never_takes_its_parents_sku() -> None:
    without = product(id=23, sku="SHIRT", attributes=[option("Colour", "Green")])
    assert product_draft(SHIRT, (RED, without), None, SHOP).variants[1].sku is None


def test_a_product_without_a_name_is_for_attention() -> None:
    with pytest.raises(Unmappable) as caught:
        product_draft(product(name="<b></b>"), (), None, SHOP)
    assert caught.value.reason is Reason.PRODUCT_NOT_REPRESENTABLE


def test_variations_that_share_a_sku_are_for_attention_and_the_sku_is_named() -> None:
    with pytest.raises(Unmappable) as caught:
        product_draft(SHIRT, (RED, RED, BLUE), None, SHOP)
    assert caught.value.reason is Reason.VARIATIONS_SHARE_SKU
    assert caught.value.detail == "Shirt: SHIRT-R"


def test_options_beyond_ten_are_joined_into_the_tenth() -> None:
    names = [f"Option {n}" for n in range(12)]
    many = product(attributes=[{"name": name, "variation": True} for name in names])
    variation = product(attributes=[option(name, f"v{n}") for n, name in enumerate(names)])
    draft = product_draft(many, (variation,), None, SHOP)
    assert len(draft.configs) == 10
    assert draft.configs[-1].name == "Option 9 / Option 10 / Option 11"
    assert draft.configs[-1].values == ("v9 / v10 / v11",)


def test_a_variation_that_stands_for_any_value_says_so() -> None:
    anything = product(id=24, sku="SHIRT-ANY", attributes=[option("Colour", "")])
    draft = product_draft(SHIRT, (RED, anything), None, SHOP)
    assert draft.configs[0].values == ("Red", "Any", "Blue")


def test_two_variations_of_one_choice_are_told_apart() -> None:
    pair = [product(id=n, sku=sku, attributes=[]) for n, sku in ((31, "A"), (32, ""))]
    draft = product_draft(SHIRT, pair, None, SHOP)
    chosen = [variant.config_attributes[0].config_value for variant in draft.variants]
    assert chosen == ["Any", "Any (32)"]


COLOUR = (Config(name=Text("Colour")),)
OPEN = [product(id=n, sku="", attributes=[option("Colour", "")]) for n in (31, 32)]


def further(variation: Product, *there: Variant) -> dict[str, str]:
    """The values that one of the open variations gets in a product that has these variants."""
    known = KatanaProduct(id=Whole(5), configs=COLOUR, variants=there)
    draft = new_variant_draft(variant_draft(SHIRT, variation, None), known)
    is_first = is_first_of_its_choice(SHIRT, variation, OPEN)
    fitting = fitting_draft(draft, variation, known, is_first=is_first)
    return {a.config_name: a.config_value for a in fitting.config_attributes}


def coloured(value: str, sku: str = "") -> Variant:
    """A variant of this colour."""
    return variant(8, sku, config_attributes=[{"config_name": "Colour", "config_value": value}])


def test_variations_of_one_choice_get_the_same_values_whenever_they_are_added() -> None:
    first, second = OPEN
    assert further(first) == further(first, coloured("Any")) == {"Colour": "Any"}
    assert further(second) == further(second, coloured("Any")) == {"Colour": "Any (32)"}


def test_values_that_a_variation_was_created_with_stay_its_own() -> None:
    own = coloured("Any (31)")
    assert further(OPEN[0], own, coloured("Any")) == {"Colour": "Any (31)"}


def test_a_choice_that_another_sku_has_is_not_taken_for_an_open_one() -> None:
    assert further(OPEN[0], coloured("Any", "OTHER")) == {"Colour": "Any (31)"}


@pytest.mark.parametrize(
    ("sku", "found_by"),
    [
        ("A", ["A"]),
        (" A ", [" A ", "A"]),
        ("", []),
        ("  ", []),
        ("CUP", ["MUG"]),
        (" CUP", ["MUG"]),
        ("J ", ["JUG "]),
    ],
)
def test_the_skus_by_which_katana_may_know_a_shops(sku: str, found_by: list[str]) -> None:
    aliases = {"CUP": "MUG", "J ": "JUG "}
    assert skus_in_katana(sku, aliases) == found_by
    assert in_katana(sku, aliases) == next(reversed(found_by), "")


def test_created_variants_are_told_by_sku_and_one_without_by_its_options() -> None:
    without = product(id=23, sku="", attributes=[option("Colour", "Green")])
    draft = product_draft(SHIRT, (RED, without, BLUE), None, SHOP)
    green = [{"config_name": "Colour", "config_value": "Green"}]
    answered = [
        variant(8, "", config_attributes=green),
        variant(7, "SHIRT-B"),
        variant(9, "SHIRT-R"),
    ]
    found = created_variants(draft, (RED, without, BLUE), answered)
    assert {key: int(there.id) for key, there in found.items()} == {21: 9, 23: 8, 22: 7}


def test_a_simple_products_variant_is_the_only_one() -> None:
    draft = ProductDraft(name="Mug", uom="pcs", variants=(), additional_info="")
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
    draft = service_item_draft("WooCommerce fee")
    assert (draft.name, draft.uom, draft.is_sellable) == (SERVICE_NAME, "pcs", True)
    assert len(draft.variants) == 1
