"""Recorded products of real stores become products that Katana takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from katana_woo_sync.clients.answers import record
from katana_woo_sync.domain.katana import ProductDraft
from katana_woo_sync.domain.product_drafts import product_draft, variant_draft
from katana_woo_sync.domain.products import VARIABLE
from katana_woo_sync.domain.woocommerce import Product

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "woocommerce"
STORES = ("eu", "us", "old")

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded answers of WooCommerce are not beside the checkout"
)


def listed(name: str) -> list[Product]:
    """The products of a recorded list."""
    return [record(row, Product) for row in json.loads((RECORDED / name).read_text())]


@pytest.mark.parametrize("store", STORES)
def test_every_recorded_product_can_be_created(store: str) -> None:
    drafts = [
        product_draft(product, (), None, "shop.example")
        for product in listed(f"products-list-{store}.json")
        if product.type not in VARIABLE
    ]
    assert len(drafts) > 3
    assert all(draft.name and "&amp;" not in draft.name for draft in drafts)


@pytest.mark.parametrize("store", STORES)
def test_a_recorded_variable_product_has_a_value_for_every_option(store: str) -> None:
    parent = record(json.loads((RECORDED / f"product-variable-{store}.json").read_text()), Product)
    variations = listed(f"variations-{store}.json")
    draft: ProductDraft = product_draft(parent, variations, None, "shop.example")
    names = {config.name for config in draft.configs}
    assert len(draft.variants) == len(variations) > 1
    for variant in draft.variants:
        assert {attribute.config_name for attribute in variant.config_attributes} == names
    assert len({variant.options for variant in draft.variants}) == len(variations)


@pytest.mark.parametrize("store", STORES)
def test_a_recorded_variation_without_a_sku_never_takes_its_parents(store: str) -> None:
    parent = record(json.loads((RECORDED / f"product-variable-{store}.json").read_text()), Product)
    for variation in listed(f"variations-{store}.json"):
        draft = variant_draft(parent, variation, None)
        assert draft.sku is None or draft.sku != parent.sku
