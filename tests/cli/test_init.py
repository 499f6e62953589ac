"""`init`: as a person at a terminal has it, and without one."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner, Result

from katana_woo_sync.cli.main import cli
from katana_woo_sync.config import load
from katana_woo_sync.config.schema import schema
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.forked import forked
from tests.sync.world import DEFAULT_FACTOR
from tests.test_config_schema import errors as schema_errors

Answers = Sequence[tuple[str, str]]


class Place:
    """A Katana, shops, and an empty folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.katana = stack.enter_context(KatanaSandbox(requests_per_minute=None))
        self.shop = self.open_shop()
        self.config = folder / "config.toml"

    def open_shop(self, **details: object) -> WooCommerceSandbox:
        """Another shop."""
        return self._stack.enter_context(WooCommerceSandbox(**details))  # type: ignore[arg-type]

    def login(self, shop: WooCommerceSandbox | None = None) -> Answers:
        """The answers to the questions for a shop's keys."""
        shop = shop or self.shop
        return [("Consumer key", shop.consumer_key), ("Consumer secret", shop.consumer_secret)]

    @property
    def last(self) -> Answers:
        """The answers to what is asked at the end."""
        return [("Add another", "n"), ("Which", "1")]

    @contextmanager
    def terminal(self, *arguments: str) -> Iterator[pexpect.spawn[str]]:
        """`init` at a terminal; all that it shows is in `before`s and `after`s, and in the log."""
        child = pexpect.spawn(
            "true",
            preexec_fn=forked(
                ["init", "--katana-url", self.katana.url, *arguments], _environment()
            ),
            cwd=str(self.folder),
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 100),
        )
        with (self.folder / "screen.txt").open("w", encoding="utf-8") as screen:
            child.logfile_read = screen
            try:
                yield child
            finally:
                child.close(force=True)

    def answer(self, answers: Answers, *arguments: str) -> int:
        """Answer all questions; returns the exit code."""
        with self.terminal(*arguments) as child:
            for prompt, text in answers:
                child.expect_exact(prompt)
                child.sendline(text)
            child.expect(pexpect.EOF)
            child.close()
            return int(child.exitstatus or 0)

    @property
    def screen(self) -> str:
        """What was shown."""
        return (self.folder / "screen.txt").read_text(encoding="utf-8")

    def provision(self, *arguments: str, **environment: str) -> Result:
        """`init` without a terminal."""
        given = {"KATANA_API_KEY": self.katana.api_key}
        given |= {"WOO_CONSUMER_KEY": self.shop.consumer_key}
        given |= {"WOO_CONSUMER_SECRET": self.shop.consumer_secret}
        options = ["--config", str(self.config), "init", "--katana-url", self.katana.url]
        return CliRunner().invoke(cli, [*options, *arguments], env=given | environment)


def _environment() -> dict[str, str]:
    secret = re.compile("KATANA_|WOO_")
    return {name: value for name, value in os.environ.items() if not secret.match(name)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A Katana with one location, and one shop at the root of its address."""
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def test_from_nothing_to_a_config_that_works(place: Place) -> None:
    place.shop.place_order([Item(place.shop.add_product("Mug", "MUG", "10"), 1)])
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", place.shop.url),
            *place.login(),
            ("What you call this store", "eu"),
            ("Write Katana's stock", "n"),
            *place.last,
        ]
    )
    assert code == 0
    settings = load(place.config, {})
    assert [store.name for store in settings.stores] == ["eu"]
    assert settings.stores[0].location == "Main location"
    assert stat.S_IMODE(place.config.stat().st_mode) == 0o600
    assert "katana-woo-sync check" in place.screen
    runner = CliRunner()
    assert runner.invoke(cli, ["--config", str(place.config), "backfill", "--yes"]).exit_code == 0
    assert len(place.katana.sales_orders()) == 1


def test_typed_secrets_are_shown_nowhere(place: Place) -> None:
    with place.terminal() as child:
        child.expect_exact("Katana API key: ")
        child.sendline("not-the-right-key")
        child.expect_exact("Katana API key: ")
        child.sendline(place.katana.api_key)
        child.expect_exact("The store's address")
        child.sendline(place.shop.url)
        for prompt, text in place.login():
            child.expect_exact(prompt)
            child.sendline(text)
        child.expect_exact("What you call")
        child.sendintr()
        child.expect(pexpect.EOF)
    for secret in ("not-the-right-key", place.katana.api_key, place.shop.consumer_secret):
        assert secret not in place.screen
    assert "the key was refused" in place.screen


def test_ctrl_c_leaves_nothing(place: Place) -> None:
    with place.terminal() as child:
        child.expect_exact("Katana API key: ")
        child.sendintr()
        child.expect_exact("nothing was written")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 75
    assert [file.name for file in place.folder.iterdir()] == ["screen.txt"]
    assert "Traceback" not in place.screen


@pytest.mark.parametrize(
    "typed", ["{url}/shop/", "{bare}/shop/wp-admin/index.php?page=wc", "{url}/shop/product/mug/"]
)
def test_what_people_paste_is_understood(place: Place, typed: str) -> None:
    shop = place.open_shop(path="/shop")
    root = shop.url.removesuffix("/shop")
    result = place.provision(
        "--store-url", typed.format(url=root, bare=root.removeprefix("http://"))
    )
    assert result.exit_code == 0, result.output
    assert load(place.config, {}).stores[0].url == shop.url


def test_keys_that_are_not_whole_are_said_before_anything_is_asked(place: Place) -> None:
    place.shop.server.reset_counts()
    result = place.provision("--store-url", place.shop.url, WOO_CONSUMER_KEY="ck_5a5a")
    assert result.exit_code == 2
    assert "consumer key is not whole" in result.output
    assert place.shop.server.count() == 0
    assert not place.config.exists()


def test_swapped_keys_are_put_right(place: Place) -> None:
    swapped = {"WOO_CONSUMER_KEY": place.shop.consumer_secret}
    swapped["WOO_CONSUMER_SECRET"] = place.shop.consumer_key
    assert place.provision("--store-url", place.shop.url, **swapped).exit_code == 0
    assert load(place.config, {}).stores[0].consumer_key == place.shop.consumer_key


def test_a_read_only_key_is_said(place: Place) -> None:
    shop = place.open_shop(permission="read")
    refused = place.provision("--store-url", shop.url)
    assert refused.exit_code == 2
    assert "Read/Write" in refused.output


def test_a_read_only_key_may_be_used_all_the_same(place: Place) -> None:
    shop = place.open_shop(permission="read")
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", shop.url),
            *place.login(shop),
            ("Use it all the same", "y"),
            ("What you call", ""),
            ("Write Katana's stock", "n"),
            *place.last,
        ]
    )
    assert code == 0


@pytest.mark.parametrize(
    ("details", "words"),
    [({"permalinks": "plain"}, "permalinks"), ({"permalinks": "index"}, "")],
)
def test_permalinks(place: Place, details: dict[str, object], words: str) -> None:
    shop = place.open_shop(**details)
    result = place.provision("--store-url", shop.url)
    assert (result.exit_code == 0) == (not words), result.output
    assert words in result.output.lower()
    assert "Traceback" not in result.output


def test_maintenance_and_a_blocked_api_are_said_and_asked_again(place: Place) -> None:
    place.shop.server.add_fault(Fault(FaultKind.STATUS, status=503, body="maintenance", times=1))
    blocked = '{"code":"rest_forbidden","message":"REST API is disabled","data":{"status":403}}'
    place.shop.server.add_fault(Fault(FaultKind.STATUS, status=403, body=blocked, times=1))
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", place.shop.url),
            *place.login(),
            ("What now", "t"),
            ("What now", "t"),
            ("What you call", "eu"),
            ("Write Katana's stock", "n"),
            *place.last,
        ]
    )
    assert code == 0
    assert "REST API is disabled" in place.screen


def test_a_second_store_keeps_what_the_config_says_and_gets_a_prefix(place: Place) -> None:
    assert place.provision("--store-url", place.shop.url, "--store-name", "eu").exit_code == 0
    text = place.config.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./katana-woo-sync.schema.json\n")
    assert (place.folder / "katana-woo-sync.schema.json").read_text(encoding="utf-8") == schema()
    assert schema_errors(text) == []
    place.config.write_text(text.replace("[orders]", "[orders]\n# mine\ndelivery_days = 3"))
    other = place.open_shop()
    result = place.provision("--store-url", other.url, "--store-name", "us")
    assert result.exit_code == 0, result.output
    settings = load(place.config, {})
    assert [store.name for store in settings.stores] == ["eu", "us"]
    assert [store.order_number_prefix for store in settings.stores] == ["", "US-"]
    assert settings.orders.delivery_days == 3
    assert "# mine" in place.config.read_text(encoding="utf-8")


def test_the_same_store_twice_is_refused(place: Place) -> None:
    place.provision("--store-url", place.shop.url, "--store-name", "eu")
    before = place.config.read_bytes()
    result = place.provision("--store-url", f"{place.shop.url}/wp-admin")
    assert result.exit_code == 2
    assert 'already, as the store "eu"' in result.output
    assert place.config.read_bytes() == before


def test_one_of_several_locations_is_chosen_by_its_number(place: Place) -> None:
    place.katana.add_location("Warehouse")
    place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", place.shop.url),
            *place.login(),
            ("What you call", ""),
            ("Which one's stock", "2"),
            ("Write Katana's stock", "y"),
            *place.last,
        ]
    )
    store = load(place.config, {}).stores[0]
    assert (store.location, store.sync_stock) == ("Warehouse", True)


def test_without_a_terminal_what_is_missing_is_named(place: Place) -> None:
    place.katana.add_location("Warehouse")
    result = place.provision("--store-url", place.shop.url)
    assert result.exit_code == 2
    assert "--location" in result.output
    assert place.provision().exit_code == 2
    assert not place.config.exists()


def test_secrets_in_files_beside_it(place: Place) -> None:
    result = place.provision("--store-url", place.shop.url, "--secrets", "files")
    assert result.exit_code == 0, result.output
    assert place.shop.consumer_secret not in place.config.read_text(encoding="utf-8")
    assert load(place.config, {}).stores[0].consumer_secret == place.shop.consumer_secret
    modes = {stat.S_IMODE(file.stat().st_mode) for file in place.folder.iterdir()}
    assert modes == {0o600}


def test_secrets_in_the_environment(place: Place) -> None:
    result = place.provision(
        "--store-url", place.shop.url, "--store-name", "eu", "--secrets", "environment"
    )
    assert "KATANA_API_KEY, WOO_EU_KEY, WOO_EU_SECRET" in result.output
    document = tomllib.loads(place.config.read_text(encoding="utf-8"))
    assert document["katana"]["api_key"] == "${KATANA_API_KEY}"


def test_katana_refused_or_down(place: Place) -> None:
    refused = place.provision("--store-url", place.shop.url, KATANA_API_KEY="wrong")
    assert refused.exit_code == 2
    nowhere = ("--katana-url", "http://127.0.0.1:9/v1")
    assert place.provision("--store-url", place.shop.url, *nowhere).exit_code == 75
    assert not place.config.exists()


def test_a_folder_that_may_not_be_written_is_said(place: Place) -> None:
    place.config = place.folder / "file" / "config.toml"
    (place.folder / "file").write_text("")
    result = place.provision("--store-url", place.shop.url)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "could not be written" in result.output or "exist" in result.output


def test_a_certificate_that_is_not_trusted_can_be_given(
    place: Place, certificate: tuple[str, str]
) -> None:
    shop = place.open_shop(ssl_context=certificate)
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", shop.url),
            *place.login(shop),
            ("What now", "c"),
            ("Certificate file", certificate[0]),
            ("What you call", "eu"),
            ("Write Katana's stock", "n"),
            *place.last,
        ]
    )
    assert code == 0
    assert "certificate" in place.screen
    assert str(load(place.config, {}).stores[0].ca_file) == certificate[0]


def test_a_shops_clock_that_is_wrong_is_said(place: Place) -> None:
    place.shop.server.seconds_ahead = 2 * 3600
    result = place.provision("--store-url", place.shop.url)
    assert result.exit_code == 0
    assert "02:00 apart" in result.output


def test_http_that_was_typed_and_chosen_is_http_once(place: Place) -> None:
    """Typed with http://, asked by https, which it does not speak, then by http all the same."""
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", place.shop.url.replace("127.0.0.1", "shop.localtest")),
            ("Consumer key", place.shop.consumer_key),
            ("Consumer secret", place.shop.consumer_secret),
            ("What now?", "h"),
            ("What now?", "a"),
            ("The store's address", place.shop.url),
            ("What you call this store", "eu"),
            ("Write Katana's stock", "n"),
            *place.last,
        ]
    )
    assert code == 0
    assert "http://http" not in place.screen


def test_the_shop_in_a_folder_of_a_company_s_site_is_found(place: Place) -> None:
    shop = place.open_shop(path="/shop")
    home = place.provision(
        "--store-url",
        shop.url.removesuffix("/shop"),
        WOO_CONSUMER_KEY=shop.consumer_key,
        WOO_CONSUMER_SECRET=shop.consumer_secret,
    )
    assert home.exit_code == 0, home.output
    assert load(place.config, {}).stores[0].url == shop.url


def test_a_port_that_speaks_plain_http_is_said_with_the_way_out(place: Place) -> None:
    asked = place.provision("--store-url", place.shop.url.replace("http://", "https://"))
    assert asked.exit_code == 2
    assert "does not speak https" in asked.output
    assert "--allow-http" in asked.output
    assert "WRONG_VERSION" not in asked.output


def test_a_lock_before_a_staging_site_is_no_refused_key(place: Place) -> None:
    locked = {"WWW-Authenticate": 'Basic realm="Staging"'}
    place.shop.server.add_fault(
        Fault(
            FaultKind.STATUS,
            status=401,
            body="<html><body>401 Authorization Required</body></html>",
            content_type="text/html",
            headers=locked,
            times=99,
        )
    )
    asked = place.provision("--store-url", place.shop.url)
    assert asked.exit_code == 2
    assert "as staging sites do" in asked.output
    assert "key was refused" not in asked.output


def test_a_challenge_page_has_the_firewall_let_this_machine_through(place: Place) -> None:
    page = (
        "<html><title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/x'></script>"
    )
    place.shop.server.add_fault(
        Fault(FaultKind.STATUS, status=403, body=page, content_type="text/html", times=99)
    )
    asked = place.provision("--store-url", place.shop.url)
    assert "Allow this machine's address" in asked.output
    assert "PHP log" not in asked.output


def test_a_certificate_is_asked_for_by_the_option_that_init_has(
    place: Place, certificate: tuple[str, str]
) -> None:
    shop = place.open_shop(ssl_context=certificate)
    asked = place.provision("--store-url", shop.url)
    assert "--ca-file" in asked.output
    assert "ca_file" not in asked.output


def foreign_order(place: Place) -> None:
    """An order of the shop that Katana's own integration has imported."""
    mug = place.shop.add_product("Mug", "MUG", "10")
    order = place.shop.place_order([Item(mug, 1)])
    place.katana.create_foreign_order(
        customer_id=place.katana.add_customer("Ada"),
        rows=[(place.katana.add_product("Mug", "MUG"), Decimal(1), Decimal(10) / DEFAULT_FACTOR)],
        order_no=str(order),
        ecommerce_store_name=place.shop.url.removeprefix("http://"),
        ecommerce_order_id=str(order),
        order_created_date=place.shop.state.orders[order].created,
    )


def test_katanas_own_integration_that_is_still_at_work_is_asked_about(place: Place) -> None:
    foreign_order(place)
    code = place.answer(
        [
            ("Katana API key", place.katana.api_key),
            ("The store's address", place.shop.url),
            *place.login(),
            ("What you call this store", "eu"),
            ("Will it be disconnected by then?", "n"),
        ]
    )
    assert code == 75
    assert not place.config.exists()
    assert place.provision("--store-url", place.shop.url).exit_code == 0


def test_a_first_import_does_not_go_on_beside_katanas_own_integration(place: Place) -> None:
    foreign_order(place)
    place.provision("--store-url", place.shop.url)
    runner = CliRunner()
    refused = runner.invoke(cli, ["--config", str(place.config), "backfill"])
    assert refused.exit_code == 1
    assert "customers are mailed twice" in refused.output
    # nor does cron's line go on by itself
    later = runner.invoke(cli, ["--config", str(place.config), "sync"])
    assert later.exit_code != 0
    assert "never connected" in later.output
    assert "run it again with --yes" in refused.output
    sure = runner.invoke(cli, ["--config", str(place.config), "backfill", "--yes"])
    assert sure.exit_code == 0, sure.output
    assert len(place.katana.sales_orders()) == 1


@pytest.mark.parametrize("linked", ["/tienda/", "{url}/tienda/producto/taza"])
def test_the_shop_in_a_folder_that_the_home_page_links_to_is_found(
    place: Place, linked: str
) -> None:
    shop = place.open_shop(path="/tienda")
    root = shop.url.removesuffix("/tienda")
    link = linked.format(url=root)
    home = f'<html><a href="/about">About</a> <a class="x" href="{link}">Tienda</a>'
    shop.server.add_fault(Fault(FaultKind.STATUS, path="/wp-json", status=404, body="", times=1))
    shop.server.add_fault(
        Fault(FaultKind.STATUS, path="/", status=200, body=home, content_type="text/html")
    )
    result = place.provision("--store-url", f"{root}/")
    assert result.exit_code == 0, result.output
    assert load(place.config, {}).stores[0].url == shop.url


def test_a_firewall_is_not_asked_for_folders(place: Place) -> None:
    page = "<html><title>Attention Required! | Cloudflare</title>"
    place.shop.server.add_fault(
        Fault(FaultKind.STATUS, status=429, body=page, content_type="text/html", times=99)
    )
    place.shop.server.reset_counts()
    asked = place.provision("--store-url", place.shop.url)
    assert "Allow this machine's address" in asked.output
    assert place.shop.server.count() == 1


def test_a_redirect_to_a_captcha_is_no_address_to_configure(place: Place) -> None:
    to = {"Location": "/.well-known/sgcaptcha/?r=%2F"}
    place.shop.server.add_fault(Fault(FaultKind.STATUS, status=302, headers=to, times=99))
    asked = place.provision("--store-url", place.shop.url)
    assert "Allow this machine's address" in asked.output
    assert "Set url" not in asked.output


def test_http_that_was_typed_and_does_not_answer_by_https_is_said(place: Place) -> None:
    asked = place.provision("--store-url", "http://192.0.2.255:9")
    assert asked.exit_code == 75
    assert "add --allow-http" in asked.output
    assert "next cycle" not in asked.output


def test_locations_are_named_where_one_must_be_given(place: Place) -> None:
    place.katana.add_location("Warehouse")
    asked = place.provision("--store-url", place.shop.url)
    assert "Warehouse" in asked.output
    assert "Main location" in asked.output


def test_what_katanas_own_integration_did_long_ago_is_nothing_to_ask(place: Place) -> None:
    place.katana.set_clock(lambda: datetime.now(UTC) - timedelta(days=30))
    foreign_order(place)
    place.katana.set_clock(lambda: datetime.now(UTC))
    (old,) = place.katana.sales_orders()
    place.katana.deliver(old.id)
    asked = place.provision("--store-url", place.shop.url)
    assert asked.exit_code == 0
    assert "own integration" not in asked.output


def test_where_a_shop_was_looked_for_is_said(place: Place) -> None:
    page = "<html><title>Our company</title>"
    place.shop.server.add_fault(
        Fault(FaultKind.STATUS, status=404, body=page, content_type="text/html", times=99)
    )
    asked = place.provision("--store-url", place.shop.url)
    assert asked.exit_code == 75
    assert "Our company" in asked.output
    assert "/shop, /store, /wordpress, /wp" in asked.output
