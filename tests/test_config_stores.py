"""What makes a store's settings: its address, its names in Katana, and what must be unique."""

from __future__ import annotations

from pathlib import Path

import pytest

from katana_woo_sync.config import StoreSettings
from tests.config_samples import loaded, problems, text


def store(url: str, katana_store_name: str = "") -> StoreSettings:
    return StoreSettings(
        name="eu",
        url=url,
        consumer_key="ck_1",
        consumer_secret="cs_1",
        katana_store_name=katana_store_name,
    )


@pytest.mark.parametrize(
    ("url", "identity", "api_url"),
    [
        ("https://Shop.Example.com/", "shop.example.com", "https://shop.example.com"),
        ("HTTPS://shop.example.com:443", "shop.example.com", "https://shop.example.com"),
        ("http://shop.example.com:80/", "shop.example.com", "http://shop.example.com"),
        ("https://shop.example.com:8443", "shop.example.com:8443", "https://shop.example.com:8443"),
        ("https://example.com/Shop/", "example.com/Shop", "https://example.com/Shop"),
        ("https://example.com./", "example.com", "https://example.com"),
        ("https://Bücher.example", "xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://straße.example", "xn--strae-oqa.example", "https://xn--strae-oqa.example"),
        (
            "https://example.com/bücher",
            "example.com/b%C3%BCcher",
            "https://example.com/b%C3%BCcher",
        ),
        ("http://[::1]:8080/a", "[::1]:8080/a", "http://[::1]:8080/a"),
        (" https://example.com ", "example.com", "https://example.com"),
    ],
)
def test_identity_and_api_address(url: str, identity: str, api_url: str) -> None:
    assert (store(url).identity, store(url).api_url) == (identity, api_url)


@pytest.mark.parametrize(
    ("url", "alternative_names"),
    [
        ("https://shop.example", ("www.shop.example",)),
        ("https://www.shop.example", ("shop.example",)),
        (
            "https://shop.example:8443/eu",
            ("www.shop.example:8443/eu", "shop.example", "www.shop.example"),
        ),
        ("http://localhost:8080", ("localhost",)),
        ("http://127.0.0.1:8080", ("127.0.0.1",)),
        ("http://[::1]", ()),
    ],
)
def test_alternative_names_of_an_address(url: str, alternative_names: tuple[str, ...]) -> None:
    assert store(url).alternative_names == alternative_names


def test_a_store_that_moved_keeps_its_name_in_katana() -> None:
    moved = store("https://new.example", "old.example")
    assert moved.identity == "old.example"
    assert moved.alternative_names == ("www.old.example", "new.example", "www.new.example")
    assert store("https://new.example", "Shop 1").alternative_names == (
        "new.example",
        "www.new.example",
    )


def test_another_stores_identity_is_no_alternative_name(tmp_path: Path) -> None:
    settings = loaded(tmp_path, text(second='url = "https://shop.example.com/us"'))
    second = settings.stores[1]
    assert "shop.example.com" in second.alternative_names
    assert "shop.example.com" not in settings.alternative_names(second)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("shop.example.com", 'for instance "https://shop.example.com"'),
        ("shop.example.com:8443/x", 'for instance "https://shop.example.com:8443/x"'),
        ("https:shop.example.com", "must begin with https://"),
        ("ftp://shop.example.com", "must begin with https://"),
        ("https://", "must be the shop's address"),
        ("", "must be the shop's address"),
        ("https://shop.example.com/?x=1", "without ? or #"),
        ("https://shop.example.com/#top", "without ? or #"),
        ("https://shop.example.com/wp-admin/", 'here "https://shop.example.com"'),
        ("https://example.com/shop/wp-json/wc/v3", 'here "https://example.com/shop"'),
        ("https://shop.example.com/index.php", 'here "https://shop.example.com"'),
        ("https://shop.example.com/a b", "without spaces"),
        ("https://shop.example.com\\nX: y", "without spaces"),
        ("https://shop.example.com:99999", "must be the shop's address"),
        ("https://shop.example.com:0", "must be the shop's address"),
        ("https://[::1", "must be the shop's address"),
        ("https://sh..op.example", "must be the shop's address"),
        ("https://-shop.example", "must be the shop's address"),
        ("https://shop.example.com/a/../b", "without //"),
    ],
)
def test_a_wrong_address_is_answered_with_the_right_one(
    tmp_path: Path, url: str, message: str
) -> None:
    assert message in problems(tmp_path, text(store=f'url = "{url}"'))["stores[0].url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pa55word@shop.example.com",
        "https://user:pa55/word@shop.example.com",
        "https://user:pa55#word@shop.example.com",
        "user:pa55word@shop.example.com",
        "https://shop.example.com/?consumer_secret=pa55word",
    ],
)
def test_a_password_in_an_address_is_not_shown(tmp_path: Path, url: str) -> None:
    found = problems(tmp_path, text(store=f'url = "{url}"'))
    assert "stores[0].url" in found
    assert "pa55" not in str(found)
    assert "word@" not in str(found)


def test_what_a_variable_holds_is_not_proposed_either(tmp_path: Path) -> None:
    found = problems(tmp_path, text(store='url = "${KEY}"'), {"KEY": "hidden"})
    assert found["stores[0].url"] == 'must begin with https://, not "${KEY}"'


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_http_needs_no_permission_on_this_machine(tmp_path: Path, host: str) -> None:
    url = f"http://{host}:8080"
    assert loaded(tmp_path, text(store=f'url = "{url}"')).stores[0].api_url == url


@pytest.mark.parametrize("host", ["shop.example.com", "10.0.0.1", "localhost.example.com"])
def test_http_elsewhere_names_both_remedies(tmp_path: Path, host: str) -> None:
    message = problems(tmp_path, text(store=f'url = "http://{host}"'))["stores[0].url"]
    assert "https://" in message
    assert "allow_http = true" in message
    assert loaded(tmp_path, text(store=f'url = "http://{host}"\nallow_http = true'))


def test_katana_over_http_is_for_this_machine_alone(tmp_path: Path) -> None:
    local = loaded(tmp_path, text(katana='url = "http://127.0.0.1:9000/v1/"'))
    assert local.katana.url == "http://127.0.0.1:9000/v1"
    assert "katana.url" in problems(tmp_path, text(katana='url = "http://katana.example/v1"'))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "x" * 41])
def test_a_store_name_fits_a_command_line(tmp_path: Path, name: str) -> None:
    assert "1 to 40" in problems(tmp_path, text(store=f'name = "{name}"'))["stores[0].name"]


def test_a_store_needs_name_address_and_keys(tmp_path: Path) -> None:
    found = problems(tmp_path, '[katana]\n[[stores]]\nlocation = "x"')
    needed = ("name", "url", "consumer_key", "consumer_secret")
    assert set(found) == {"katana.api_key", *(f"stores[0].{key}" for key in needed)}
    assert all(message.startswith("is missing") for message in found.values())


@pytest.mark.parametrize(
    ("second", "key"),
    [
        ('name = "EU"', "name"),
        ('url = "https://SHOP.example.com:443/"', "url"),
        ('url = "https://www.shop.example.com"', "url"),
        ('katana_store_name = "Shop.example.com"', "katana_store_name"),
    ],
)
def test_two_stores_never_share_a_name_or_an_identity(
    tmp_path: Path, second: str, key: str
) -> None:
    assert "stores[0]" in problems(tmp_path, text(second=second))[f"stores[1].{key}"]


def test_shops_in_folders_of_one_host_are_two(tmp_path: Path) -> None:
    settings = loaded(tmp_path, text(second='url = "https://shop.example.com/us"'))
    assert [each.identity for each in settings.stores] == [
        "shop.example.com",
        "shop.example.com/us",
    ]


def test_a_swapped_pair_is_told_so(tmp_path: Path) -> None:
    swapped = 'consumer_key = "cs_hidden"\nconsumer_secret = "ck_hidden"'
    message = problems(tmp_path, text(store=swapped))["stores[0].consumer_key"]
    assert message.startswith("is swapped with consumer_secret")
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('consumer_key = "cs_hidden"', "consumer_key"),
        ('consumer_secret = "ck_hidden"', "consumer_secret"),
    ],
)
def test_one_key_taken_for_the_other(tmp_path: Path, line: str, key: str) -> None:
    found = problems(tmp_path, text(store=line))
    assert "hidden" not in found[f"stores[0].{key}"]


def test_keys_of_another_shape_are_taken(tmp_path: Path) -> None:
    store_keys = 'consumer_key = "key"\nconsumer_secret = "secret"'
    assert loaded(tmp_path, text(store=store_keys)).stores[0].consumer_key == "key"


@pytest.mark.parametrize("value", ["", " ", "ck_a b", "ck_a\\n", "“ck_a”", "ck_\\u0000"])
def test_a_key_that_cannot_be_one(tmp_path: Path, value: str) -> None:
    found = problems(tmp_path, text(store=f'consumer_key = "{value}"'))
    assert set(found) == {"stores[0].consumer_key"}


def test_settings_show_no_secrets(tmp_path: Path) -> None:
    settings = loaded(tmp_path, text(second=""))
    assert settings.secrets() == {"katana-key", "ck_eu", "cs_eu", "ck_us", "cs_us"}
    assert not any(secret in repr(settings) for secret in settings.secrets())
