"""The import of all products: each matched or created once, in the same way as those on orders."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.products import rates_of
from katana_woo_sync.domain.woocommerce import PriceSettings, StoreTaxRate
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Variation
from katana_woo_sync.sync.product_import import ProductsImported, import_products
from tests.domain.test_products import product
from tests.sync.test_overlap import PRODUCTS
from tests.sync.world import World


def imported(world: World, store: str = "eu", *, dry_run: bool = False) -> ProductsImported:
    """The import, as a new process does it."""
    program = world.program(dry_run=dry_run)
    with program.context() as context:
        return import_products(context, program.stores[store], lambda _done, _total: None)


def skus(world: World) -> list[str]:
    """The SKUs in Katana."""
    return sorted(str(variant.sku) for variant in world.katana.variants())


def test_what_katana_lacks_is_created_and_known_again(world: World) -> None:
    sizes = [("SHOE-1", 50, {"Size": "1"}), ("", 50, {"Size": "2"})]
    world.shop.add_variable_product("Shoe &", "SHOE", sizes)
    world.shop.add_product("Bowl", "", "8.00")
    done = imported(world)
    assert (done.there, done.created, done.left_out) == (5, 3, [])
    assert skus(world) == ["LAMP", "MUG", "None", "None", "SHOE-1"]
    assert {item.name for item in world.katana.products()} == {"Mug", "Lamp", "Shoe &", "Bowl"}
    world.reset_counts()
    again = imported(world)
    assert (again.there, again.created) == (5, 0)
    assert world.katana.server.requests == []


def test_prices_are_without_tax_by_the_products_own_class(two: World) -> None:
    two.shop.add_product("Book", "BOOK", "10.90", tax_class="reduced-rate")
    two.shop.add_product("Stamp", "STAMP", "1.00", tax_status="none")
    two.shops["us"].add_product("Cap", "CAP", "10.00")
    imported(two)
    imported(two, "us")
    prices = {variant.sku: variant.sales_price for variant in two.katana.variants()}
    assert prices["LAMP"] == round(Decimal("49.90") / Decimal("1.24"), 10)
    assert (str(prices["BOOK"]), str(prices["STAMP"])) == ("10", "1")
    assert prices["CAP"] is None  # in USD, which is not Katana's base currency


def test_prices_of_variations_are_by_their_own_tax_class(world: World) -> None:
    variations = [
        Variation("TEA-S", "4.58", {"Size": "S"}),
        Variation("TEA-L", "4.58", {"Size": "L"}, tax_class="reduced-rate"),
    ]
    world.shop.add_variable_product("Tea", "TEA", variations)
    imported(world)
    prices = {variant.sku: variant.sales_price for variant in world.katana.variants()}
    assert round(prices["TEA-S"] or 0, 2) == Decimal("3.69")
    assert round(prices["TEA-L"] or 0, 2) == Decimal("4.20")


def test_products_of_another_store_with_the_sku_are_the_same(two: World) -> None:
    imported(two)
    before = skus(two)
    done = imported(two, "us")
    assert (done.there, done.created) == (2, 0)
    assert skus(two) == before


def test_grouped_and_external_products_are_left_out_with_a_word(world: World) -> None:
    for kind in ("grouped", "external"):
        added = world.shop.add_product(kind.title(), kind.upper(), "1.00")
        world.shop.state.products[added].type = kind
    left = imported(world).left_out
    assert [words.split(": ")[1].split()[1] for words in left] == ["grouped", "external"]
    assert "GROUPED" not in skus(world)


def test_one_that_katana_refuses_stops_no_other(world: World) -> None:
    world.katana.add_product("Lamp one", "LAMP")
    world.katana.add_product("Lamp two", "LAMP")
    world.shop.add_product("Bowl", "BOWL", "8.00")
    done = imported(world)
    assert "BOWL" in skus(world)
    (left,) = done.left_out
    assert "Katana has several items with this SKU" in left


def test_a_lost_answer_makes_no_product_twice(world: World) -> None:
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/products"))
    assert len(imported(world).left_out) == 1
    world.clock.tick(minutes=10)
    assert imported(world).left_out == []
    assert skus(world) == ["LAMP", "MUG"]


def test_a_dry_run_creates_nothing(world: World) -> None:
    assert imported(world, dry_run=True).created == 1
    assert skus(world) == ["MUG"]


def test_create_products_false_is_about_orders(world: World) -> None:
    world.configure(top="[orders]\ncreate_products = false\n")
    assert imported(world).created == 1


def rate(number: int, percent: str, **more: object) -> StoreTaxRate:
    """A tax rate of the shop's."""
    known = {"id": number, "rate": percent, "class": "standard", "priority": 1}
    return convert({**known, **more}, StoreTaxRate)


def test_the_shops_own_rates_are_those_of_its_place_and_the_products_class() -> None:
    rates = [
        rate(1, "24", country="GR"),
        rate(2, "19", country="DE"),
        rate(3, "9", country="GR", **{"class": "reduced-rate"}),
        rate(4, "7", country="US", state="CA"),
        rate(5, "1", country="US", state="CA", priority=2),
        rate(6, "5", country="US"),
    ]

    def found(base: str, **more: object) -> list[int]:
        chosen = rates_of(product(**more), rates, PriceSettings(include_tax=True, base=base))
        return [int(each.id) for each in chosen]

    assert found("GR") == [1]
    assert found("GR", tax_class="reduced-rate") == [3]
    assert found("US:CA") == [4, 5]
    assert found("US:NY") == [6]
    assert found("GR", tax_status="none") == []


def test_what_katana_lacks_is_created(world: World) -> None:
    for number in range(3):
        world.shop.add_product(f"New {number}", f"NEW-{number}", "10.00")
    done = imported(world)
    assert (done.there, done.created, done.left_out) == (5, 4, [])
    assert skus(world) == ["LAMP", "MUG", "NEW-0", "NEW-1", "NEW-2"]


def test_one_that_katana_refuses_among_others_is_left_out_alone(world: World) -> None:
    for number in range(3):
        world.shop.add_product(f"New {number}", f"NEW-{number}", "10.00")
    fault = Fault(FaultKind.STATUS, "POST", PRODUCTS, status=422, body="{}", skip=3, times=1)
    world.katana.server.add_fault(fault)
    done = imported(world)
    assert fault.times == 0
    assert (done.there, done.created, len(done.left_out)) == (4, 3, 1)
