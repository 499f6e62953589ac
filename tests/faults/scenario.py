"""What the sweeps do again and again: a backfill and cycles with a bit of everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from katana_woo_sync.domain.order_record import OrderRecord, retried
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.woocommerce import Address, Fee, Item, Shipping, Variation
from katana_woo_sync.sandbox.woocommerce.shipments import SHIPMENT_TRACKING
from katana_woo_sync.sync.connect import rebuild
from katana_woo_sync.sync.context import StoreProblem
from katana_woo_sync.sync.initial_stock import import_initial_stock
from tests.faults.secrets import keep_log, leaks
from tests.sync.world import ANNA, World

State = dict[str, object]


def _no_op_without_services(world: World) -> None:
    world.katana.compute_status_from_fulfillments()
    world.katana.refuse_services()


def _with_a_plugin(world: World) -> None:
    world.shops["eu"].switch_on_fulfillments(on=False)
    world.shops["eu"].install(SHIPMENT_TRACKING)


COURIER = Shipping("Courier", Decimal(5))
OPTIONS = """
[orders]
import_note = true
tracking_note = "customer"
cancelled = "delete"
"""
STORES = {
    "eu": 'sync_stock = true\nshipments = "auto"',
    "us": "sync_stock = true",
}
ACCOUNTS: Mapping[str, Callable[[World], None]] = {
    "usual": lambda _world: None,
    "no-op": lambda world: world.katana.compute_status_from_fulfillments(),
    "late": lambda world: world.katana.deliver_late(timedelta(minutes=1)),
    "blanks": lambda world: world.katana.blank_information(),
    "services-refused": _no_op_without_services,
    "plugin": _with_a_plugin,
}
"""How Katana accounts differ in delivering (rule 11), and shops in showing it (rule 17)."""

BO = Address(first_name="Bo", last_name="Lund", address_1="1 Quay", email="bo@example.test")


class Scenario:
    """A world with orders of every kind, and the steps that the program takes in it."""

    def __init__(
        self, directory: Path, stack: ExitStack, *, timeout: float = 5, account: str = "usual"
    ) -> None:
        self.world = World(directory, stack, names=("eu", "us"), timeout=timeout)
        self.world.configure(top=OPTIONS, stores=STORES)
        self.world.shops["eu"].switch_on_fulfillments()
        ACCOUNTS[account](self.world)
        for name, shop in self.world.shops.items():
            shop.set_stock(self.world.mug[name], 40)
        keep_log(self.world, stack)
        self._place_orders()

    def _place_orders(self) -> None:
        world, shop = self.world, self.world.shop
        self.shirt, (red,) = shop.add_variable_product(
            "Shirt", "SHIRT", [Variation("SHIRT-R", "20.00", {"Colour": "Red"}, stock=8)]
        )
        bare = shop.add_product("Bowl", "", "8.00")
        gone = shop.add_product("Vase", "VASE", "9.00")
        wrap = shop.add_product("Wrap", "WRAP", "2.00", virtual=True, downloadable=False)
        variant = world.katana.add_product("Jam", "JAM", batch_tracked=True)
        world.katana.add_batch(variant, world.katana.main_location_id, Decimal(9), "B1")
        world.katana.leave_batches_to_others()
        jam = shop.add_product("Jam", "JAM", "4.00")
        place = shop.place_order
        self.orders = [
            place([Item(world.mug["eu"], 2)], billing=ANNA, shipping=[COURIER]),
            place([Item(self.shirt, 1, red), Item(bare, 1)], billing=BO),
            place([Item(gone, 1), Item(wrap, 1)], billing=BO, fees=[Fee("Gift", Decimal(3))]),
            place([Item(jam, 3)], billing=ANNA, fees=[Fee("Bonus", Decimal(-2))]),
        ]
        shop.delete_product(gone)
        place([Item(world.mug["eu"], 4)], billing=BO, status="on-hold")
        new = [shop.add_product(name, name.upper(), "6.00") for name in ("Cup", "Bun", "Pot")]
        place([Item(product) for product in new], billing=ANNA)
        self.american = world.order(shop="us")

    def steps(self) -> Sequence[Callable[[], object]]:
        """What the program does: the first import, the initial stock, and two cycles with things in
        between."""
        return (self.world.backfill, self._initial_stock, self._cycle, self._cycle)

    def before(self, step: int) -> None:
        """What people and others do before a step."""
        world = self.world
        world.clock.tick(minutes=15)
        if step == 2:
            mugs, shirt, _odd, jam = self.orders
            world.katana.deliver(world.sales_order(mugs).id)
            world.katana.track(world.sales_order(mugs).id, "RR123", carrier="Courier")
            there = world.sales_order(self.american, shop="us").id
            world.katana.deliver(there)
            world.katana.track(there, "RR124", carrier="Courier")
            world.shop.set_status(shirt, "cancelled")
            world.shop.set_status(jam, "completed")
            blue = world.shop.add_variation(
                self.shirt, Variation("SHIRT-B", "20.00", {"Colour": "Blue"})
            )
            self.orders.append(world.shop.place_order([Item(self.shirt, 1, blue)], billing=ANNA))
            foreign = world.order()
            self.orders.append(foreign)
            world.foreign(foreign, store_name=world.identity)
        if step == 3:
            world.shop.refund(world.order(quantity=3), "1.00")

    def _initial_stock(self) -> None:
        program = self.world.program()
        with program.context() as context:
            try:
                import_initial_stock(context, program.stores["eu"], None)
            except StoreProblem as error:
                if "imported before" not in str(error):
                    raise

    def _cycle(self) -> object:
        return self.world.sync(minutes=0)

    def finish(self) -> None:
        """Cycles until every wait is over."""
        self.world.clock.tick(minutes=10)
        self.world.settle(5)
        self.world.clock.tick(hours=2)
        self.world.settle(3)

    def lose_ledger(self) -> None:
        """The ledger's files are gone; it is made again from what Katana holds."""
        self.world.lose_ledger()
        program = self.world.program()
        with program.context() as context:
            rebuild(context, list(program.stores.values()))

    def retry_all(self) -> None:
        """A person has everything that needs one tried again."""
        with self.world.program().context() as context:
            problems = context.ledger.orders.find(problems=True)
            context.ledger.orders.save(filter(None, map(retried, problems)))

    def state(self) -> State:
        """All that counts about how things are now, without ids and times."""
        world = self.world
        with Ledger.open_to_read(world.ledger) as ledger:
            records = sorted(ledger.orders.find(), key=lambda record: record.order_id)
            intents = [intent.kind for intent in ledger.intents.all_open()]
        return {
            "sales orders": sorted(map(self._sales_order, world.katana.sales_orders())),
            "customers": sorted(customer.name for customer in world.katana.customers()),
            "products": sorted(item.name for item in world.katana.products()),
            "services": sorted(item.name for item in world.katana.services()),
            "variants": sorted(str(variant.sku) for variant in world.katana.variants()),
            "tax rates": sorted(str(rate.rate) for rate in world.katana.tax_rates()),
            "stock": self._stock(),
            "adjustments": [
                sorted(f"{row.quantity:f}" for row in each.rows)
                for each in world.katana.adjustments()
            ],
            "shops": {
                name: [(order, shop.state.orders[order].status) for order in shop.orders()]
                for name, shop in world.shops.items()
            },
            "quantities": {
                name: [shop.stock(product) for product in sorted(shop.state.products)]
                for name, shop in world.shops.items()
            },
            "notes": sorted(
                (order, str(note["note"]).split(":")[0])
                for shop in world.shops.values()
                for order in shop.orders()
                for note in shop.notes(order)
                if note["author"] == "admin"
            ),
            "shipments": sorted(map(str, self._shipments())),
            "mails": sorted((mail.order_id, mail.after) for mail in world.shop.mails),
            "ledger": [_record(record) for record in records],
            "open intents": intents,
            "secrets told": leaks(world),
        }

    def wanted(self) -> State:
        """The state of an undisturbed run, which tells no secret either."""
        return {**self.state(), "secrets told": []}

    def _sales_order(self, order: SalesOrder) -> tuple[str, ...]:
        world = self.world
        skus = {variant.id: str(variant.sku) for variant in world.katana.variants()}
        rows = [f"{r.quantity:f} {skus[r.variant_id]} {r.price_per_unit:f}" for r in order.rows]
        fees = [f"{fee.amount}" for fee in world.katana.shipping_fees(order.id)]
        total = f"{world.katana.order_total(order.id):.6f}"
        known = (order.ecommerce_order_id or "", order.order_no, order.status, total)
        return (*known, *sorted(rows), *fees)

    def _shipments(self) -> Iterator[tuple[int, object]]:
        for shop in self.world.shops.values():
            for order in shop.orders():
                for part in shop.fulfillments(order):
                    goods, number = part.values["_items"], part.values.get("_tracking_number")
                    yield order, (goods, number)
                for entry in shop.trackings(order):
                    yield order, entry.tracking_number

    def _stock(self) -> list[tuple[str, str]]:
        katana = self.world.katana
        place = katana.main_location_id
        return sorted((str(v.sku), f"{katana.in_stock(v.id, place):f}") for v in katana.variants())


def _record(record: OrderRecord) -> tuple[object, ...]:
    return (
        record.order_id,
        str(record.state),
        str(record.reason),
        str(record.in_katana),
        record.shop_status,
        record.katana_status,
        record.shipping_fee_due,
    )
