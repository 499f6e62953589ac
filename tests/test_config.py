"""The configuration file as a whole: what it means, and what is said about one that is wrong."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.config import ConfigError, StockReserve, load
from katana_woo_sync.config.settings import known_keys
from tests.config_samples import loaded, problems, text

EXAMPLE = Path(__file__).resolve().parents[1] / "config.example.toml"
EXAMPLE_VARIABLES = {
    "KATANA_API_KEY": "katana",
    "WOO_EU_KEY": "ck_eu",
    "WOO_EU_SECRET": "cs_eu",
    "WOO_US_KEY": "ck_us",
    "WOO_US_SECRET": "cs_us",
}
COMMENTED_KEY = re.compile(r'^# (?=("[^"]+"|[a-z_]+) = )', re.MULTILINE)
KEY_OF_A_FILE = re.compile(r"^(\w+_file|ca_file) = .*\n", re.MULTILINE)


def test_the_example_loads_as_it_is() -> None:
    settings = load(EXAMPLE, EXAMPLE_VARIABLES)
    assert [store.name for store in settings.stores] == ["eu", "us"]
    assert settings.secrets() == frozenset(EXAMPLE_VARIABLES.values())


def test_the_example_shows_every_key() -> None:
    example = COMMENTED_KEY.sub("", EXAMPLE.read_text())
    keys = set(re.findall(r"^([a-z_]+) = ", example, re.MULTILINE))
    keys |= set(re.findall(r"^\[+([a-z_]+)\]", example, re.MULTILINE))
    assert keys == {key for names in known_keys().values() for key in names}


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    example = KEY_OF_A_FILE.sub("", COMMENTED_KEY.sub("", EXAMPLE.read_text()))
    without_examples = re.sub(
        r'^("[^"]+"|since|path|metrics|history_days) = .*\n', "", example, flags=re.M
    )
    shown = loaded(tmp_path, without_examples, EXAMPLE_VARIABLES)
    (tmp_path / "config.toml").write_text(EXAMPLE.read_text())
    assert shown == load(tmp_path / "config.toml", EXAMPLE_VARIABLES)


def test_the_least_that_loads(tmp_path: Path) -> None:
    settings = loaded(tmp_path, text())
    assert settings.path == tmp_path / "config.toml"
    assert settings.ledger == tmp_path / "katana-woo-sync.db"
    assert settings.katana.url == "https://api.katanamrp.com/v1"
    assert settings.stores[0].complete_from == ("processing",)
    assert settings.stores[0].import_statuses == ("processing",)
    assert settings.stores[0].timeout == 30


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = loaded(tmp_path, text(top='[taxes]\n"24" = "VAT"'))
    with pytest.raises(AttributeError):
        settings.stores[0].name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.taxes[Decimal(1)] = "other"  # type: ignore[index]


def test_all_problems_are_reported_together_each_on_a_line(tmp_path: Path) -> None:
    content = text(top="ledgr = 1\n[orders]\ndelivery_days = 400", second="location = true")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, content)
    where = tmp_path / "config.toml"
    key, days, place = str(caught.value).splitlines()
    assert key == f"{where}: ledgr: is not a known key; did you mean ledger?"
    assert days.startswith(f"{where}: orders.delivery_days: must be a whole number from 0 to 365")
    assert place.startswith(f'{where}: stores[1].location (store "us"): must be a Katana location')
    assert caught.value.path == where


@pytest.mark.parametrize(
    ("content", "key", "hint"),
    [
        (text(store="locaton = 1"), "stores[0].locaton", "did you mean location?"),
        (text(katana='api-key = "x"'), "katana.api-key", "did you mean api_key?"),
        (text(top="delivery_days = 1"), "delivery_days", "belongs in [orders]"),
        (text(katana='ledger = "x"'), "katana.ledger", "belongs to the top of the file"),
        (text(top="zzzzzz = 1"), "zzzzzz", "known here: katana, ledger"),
        (text(top='"a\\nb" = 1'), '"a\\nb"', "known here"),
    ],
)
def test_an_unknown_key_names_the_nearest(
    tmp_path: Path, content: str, key: str, hint: str
) -> None:
    assert hint in problems(tmp_path, content)[key]


def test_a_misspelled_secret_is_not_shown(tmp_path: Path) -> None:
    found = problems(tmp_path, text(store='consumer_secrt = "cs_hidden"'))
    assert "hidden" not in str(found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = 1\nb = oops\n", "line 2, column 5: invalid value (a text must stand in quotes)"),
        ('a = "open', "line 1, column 10: "),
        ("[a]\n[a]\n", "line 2, column 3: cannot declare ('a',) twice"),
    ],
)
def test_a_syntax_error_has_line_and_column(tmp_path: Path, content: str, message: str) -> None:
    assert problems(tmp_path, content)[""].startswith(message)


@pytest.mark.parametrize("content", ["a = " + "9" * 5000, "a = 1e" + "9" * 40, "a = " + "[" * 9999])
def test_absurd_toml_is_refused_without_a_traceback(tmp_path: Path, content: str) -> None:
    assert set(problems(tmp_path, content)) == {""}


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ('"5m"', timedelta(minutes=5)),
        ('"1h30m"', timedelta(minutes=90)),
        ('"90s"', timedelta(seconds=90)),
        ('"1d 2h"', timedelta(hours=26)),
        ("300", timedelta(minutes=5)),
        ('"300"', timedelta(minutes=5)),
    ],
)
def test_a_duration(tmp_path: Path, written: str, length: timedelta) -> None:
    assert loaded(tmp_path, text(top=f"[schedule]\norders = {written}")).schedule.orders == length


@pytest.mark.parametrize("written", ['"29s"', "29", '"8d"', '"5 minutes"', '""', "true", "1.5"])
def test_a_duration_out_of_its_limits(tmp_path: Path, written: str) -> None:
    found = problems(tmp_path, text(top=f"[schedule]\norders = {written}"))
    assert found["schedule.orders"].startswith("must be a duration from 30s to 7d")


def test_no_unknown_wait_is_allowed_and_a_negative_one_is_not(tmp_path: Path) -> None:
    waits = loaded(tmp_path, text(katana="unknown_wait = 0")).katana.unknown_wait
    assert waits == timedelta(0)
    assert "katana.unknown_wait" in problems(tmp_path, text(katana="unknown_wait = -1"))


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2026-01-02", 0),
        ('"2026-01-02"', 0),
        ("2026-01-02T08:00:00", 8),
        ("2026-01-02T08:00:00+02:00", 6),
        ('"2026-01-02T08:00:00Z"', 8),
    ],
)
def test_since_is_a_moment_in_utc(tmp_path: Path, written: str, hour: int) -> None:
    since = loaded(tmp_path, text(top=f"[orders]\nsince = {written}")).orders.since
    assert since == datetime(2026, 1, 2, hour, tzinfo=UTC)
    assert since is not None
    assert since.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    ["08:00:00", '"1.1.2026"', "2026", "1999-12-31", '"2026-02-30"', "0001-01-01T00:00:00+02:00"],
)
def test_since_must_be_a_date(tmp_path: Path, written: str) -> None:
    found = problems(tmp_path, text(store=f"since = {written}"))
    assert found["stores[0].since"].startswith("must be a date such as 2026-01-01")


def test_a_stores_since_takes_the_place_of_the_common_one(tmp_path: Path) -> None:
    top = "[orders]\nsince = 2026-01-01"
    settings = loaded(tmp_path, text(top=top, second="since = 2026-05-01"))
    assert [store.since for store in settings.stores] == [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 5, 1, tzinfo=UTC),
    ]


def test_taxes_are_keyed_by_exact_percentages(tmp_path: Path) -> None:
    taxes = loaded(tmp_path, text(top='[taxes]\n24 = "VAT"\n"8.875" = "NY"')).taxes
    assert taxes == {Decimal("24.00"): "VAT", Decimal("8.875"): "NY"}


@pytest.mark.parametrize(
    ("line", "key", "message"),
    [
        ('"7,5" = "x"', 'taxes."7,5"', "must be written with a point"),
        ('"24%" = "x"', 'taxes."24%"', "without the % sign"),
        ('8.875 = "x"', "taxes.8", "needs quotes"),
        ('"1000" = "x"', "taxes.1000", "from 0 to 999.999"),
        ('"-1" = "x"', "taxes.-1", "from 0 to 999.999"),
        ('"24" = " "', "taxes.24", "not empty"),
        ('"24" = 24', "taxes.24", "must be a text"),
        ('"24" = "a"\n"24.0" = "b"', 'taxes."24.0"', "stands here twice"),
    ],
)
def test_a_wrong_tax(tmp_path: Path, line: str, key: str, message: str) -> None:
    assert message in problems(tmp_path, text(top=f"[taxes]\n{line}"))[key]


def test_statuses_lose_their_database_prefix(tmp_path: Path) -> None:
    store = 'complete_from = ["wc-Processing", "processing", "packed"]'
    assert loaded(tmp_path, text(store=store)).stores[0].complete_from == ("processing", "packed")


@pytest.mark.parametrize(
    "written", ['["completed"]', '["wc-trash"]', '["a b"]', "[1]", "[]", '"x"']
)
@pytest.mark.parametrize("key", ["complete_from", "import_statuses"])
def test_statuses_of_orders_that_are_over_are_refused(
    tmp_path: Path, key: str, written: str
) -> None:
    found = problems(tmp_path, text(store=f"{key} = {written}"))
    assert any(name.startswith(f"stores[0].{key}") for name in found)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5", StockReserve(Decimal(5))),
        ("2.5", StockReserve(Decimal("2.5"))),
        ("1e1", StockReserve(Decimal(10))),
        ('"10%"', StockReserve(Decimal(10), is_percentage=True)),
        ('"12.5 %"', StockReserve(Decimal("12.5"), is_percentage=True)),
    ],
)
def test_a_stock_reserve(tmp_path: Path, written: str, meant: StockReserve) -> None:
    assert (
        loaded(tmp_path, text(store=f"stock_reserve = {written}")).stores[0].stock_reserve == meant
    )


@pytest.mark.parametrize("written", ["-1", '"101%"', "nan", "inf", "1e99999999", "true", '"ten"'])
def test_a_wrong_stock_reserve(tmp_path: Path, written: str) -> None:
    found = problems(tmp_path, text(store=f"stock_reserve = {written}"))
    assert "pieces" in found["stores[0].stock_reserve"]


@pytest.mark.parametrize("written", ["0", "601", "nan", '"30"', "true"])
def test_a_wrong_timeout(tmp_path: Path, written: str) -> None:
    found = problems(tmp_path, text(store=f"timeout = {written}"))
    assert "from 1 to 600" in found["stores[0].timeout"]


@pytest.mark.parametrize(("written", "location"), [('"Main"', "Main"), ("7", "7"), ('""', "")])
def test_a_location_is_a_name_or_an_id(tmp_path: Path, written: str, location: str) -> None:
    assert loaded(tmp_path, text(store=f"location = {written}")).stores[0].location == location


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ("", "is missing"),
        ("stores = []", "is missing"),
        ("stores = 5", "must be [[stores]] tables, not 5"),
        ("[stores]\nname = 'x'", "double brackets"),
    ],
)
def test_without_stores_there_is_nothing_to_do(tmp_path: Path, top: str, message: str) -> None:
    found = problems(tmp_path, f'{top}\n[katana]\napi_key = "k"')
    assert message in found["stores"]


def test_a_section_must_be_a_table(tmp_path: Path) -> None:
    found = problems(tmp_path, text(top="orders = 5\ntaxes = []"))
    assert found == {
        "orders": "must be a table, [orders], not 5",
        "taxes": "must be a table, [taxes], not a list",
    }


def test_a_variable_fills_any_text(tmp_path: Path) -> None:
    environ = {"HOST": "shop.example.com", "A": "x", "B": "${A}"}
    store = 'url = "https://${HOST}"\nlocation = "${A}-${B}-$${A}"\nstock_exclude = ["${A}"]'
    found = loaded(tmp_path, text(store=store), environ).stores[0]
    assert found.identity == "shop.example.com"
    assert found.location == "x-${A}-${A}"
    assert found.stock_exclude == ("x",)


def test_an_undefined_variable_is_named(tmp_path: Path) -> None:
    found = problems(
        tmp_path, text(katana='api_key = "${NO_KEY}"', store='location = "${NO_PLACE}"')
    )
    assert "NO_KEY" in found["katana.api_key"]
    assert "NO_PLACE" in found["stores[0].location"]


def test_an_empty_variable_is_named_where_a_secret_should_be(tmp_path: Path) -> None:
    found = problems(tmp_path, text(katana='api_key = "${KEY}"'), {"KEY": ""})
    assert found["katana.api_key"] == "is empty: the environment has KEY without a value"


@pytest.mark.parametrize("written", ["${KEY:-x}", "${}", "${KEY", "${ KEY}"])
def test_a_reference_that_is_none(tmp_path: Path, written: str) -> None:
    found = problems(tmp_path, text(store=f'location = "{written}"'), {"KEY": "x"})
    assert "written $${" in found["stores[0].location"]


def test_a_variable_that_is_not_text(tmp_path: Path) -> None:
    environ = {"PLACE": os.fsdecode(b"\xff")}
    found = problems(tmp_path, text(store='location = "${PLACE}"'), environ)
    assert "not UTF-8" in found["stores[0].location"]


def test_messages_show_the_reference_and_not_what_it_stands_for(tmp_path: Path) -> None:
    found = problems(tmp_path, text(store='bundles = "${KEY}"'), {"KEY": "hidden"})
    assert found["stores[0].bundles"].endswith('not "${KEY}"')


def test_messages_hold_no_terminal_escapes(tmp_path: Path) -> None:
    found = problems(tmp_path, text(store=r'bundles = "\u001b[31m\u202e\nred"'))
    assert found["stores[0].bundles"].isprintable()


def test_numbers_are_never_floats_on_their_way_in(tmp_path: Path) -> None:
    store = loaded(tmp_path, text(store="stock_reserve = 0.1")).stores[0]
    assert store.stock_reserve.quantity == Decimal("0.1")
