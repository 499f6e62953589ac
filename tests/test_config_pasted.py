"""What people paste as their shop's address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.config import address
from katana_woo_sync.config.pasted import shop_addresses, store_name


@pytest.mark.parametrize(
    ("pasted", "addresses"),
    [
        ("shop.example.com", ["https://shop.example.com"]),
        (" https://Shop.Example.com/ ", ["https://shop.example.com"]),
        ("http://shop.example.com", ["http://shop.example.com"]),
        ("HTTPS://shop.example.com", ["https://shop.example.com"]),
        ("<https://shop.example.com>", ["https://shop.example.com"]),
        ("//shop.example.com/wp-admin/", ["https://shop.example.com"]),
        ("shop.example.com/wp-login.php?a=b#c", ["https://shop.example.com"]),
        ("example.com/shop", ["https://example.com/shop", "https://example.com"]),
        (
            "example.com//shop/product/mug/?x=1",
            [
                "https://example.com/shop/product/mug",
                "https://example.com/shop/product",
                "https://example.com/shop",
                "https://example.com",
            ],
        ),
        ("localhost:8080", ["http://localhost:8080"]),
        ("example.com/shop/wp-json/wc/v3", ["https://example.com/shop", "https://example.com"]),
    ],
)
def test_the_addresses_that_may_be_meant(pasted: str, addresses: list[str]) -> None:
    assert list(shop_addresses(pasted)) == addresses


@pytest.mark.parametrize("pasted", ["", "  ", "two words", "https://", "https://a:b@example.com"])
def test_what_is_no_address_is_said(pasted: str) -> None:
    with pytest.raises(ValueError, match="must"):
        shop_addresses(pasted)


@given(st.text(max_size=60))
def test_anything_is_addresses_or_a_sentence(pasted: str) -> None:
    found: tuple[str, ...] = ()
    words = "must"
    try:
        found = shop_addresses(pasted)
    except ValueError as error:
        words = str(error)
    assert words.startswith("must")
    assert all(address.parse(url).url == url for url in found)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://eu.example.com", "eu"),
        ("https://www.example.com", "example"),
        ("https://shop.example.com", "example"),
        ("https://example.com/us", "example-us"),
        ("http://127.0.0.1:8000", "shop"),
    ],
)
def test_a_name_is_proposed(url: str, name: str) -> None:
    assert store_name(url) == name
