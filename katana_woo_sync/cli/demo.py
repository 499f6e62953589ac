"""`demo`: the whole job against the embedded sandbox, told as a story."""

from __future__ import annotations

import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import click
from msgspec import Struct, field

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import safe
from katana_woo_sync.cli.program import Program, StopSignals, make_katana, make_stores
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config import load
from katana_woo_sync.domain.katana import WOOCOMMERCE
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item
from katana_woo_sync.sandbox.world import COURIER, ELENI, JURGEN, World, open_world
from katana_woo_sync.sync.backfill import import_all, prepare
from katana_woo_sync.sync.cycle import Options, finish, run_cycle
from katana_woo_sync.sync.report import Report

UNKNOWN_WAIT = 2
"""Seconds; 3 minutes with a real Katana. The demo is to take less than a minute."""


@click.command("demo")
@click.option("--keep", metavar="DIR", help="Keep the config and the ledger in this directory.")
@click.pass_obj
def command(options: Globals, keep: str | None) -> None:
    """See the program work: it runs against a WooCommerce and a Katana that it brings along.

    No account and no network is needed, and nothing is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="katana-woo-sync-demo-") as temporary:
        directory = Path(keep or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        with open_world() as world:
            story = Story(world, _program(world, directory.absolute(), options))
            story.tell()
    if story.wrong:
        for wrong in story.wrong:
            click.echo(f"NOT AS IT SHOULD BE: {wrong}", err=True)
        raise SystemExit(1)


def _program(world: World, directory: Path, options: Globals) -> Program:
    path = directory / "config.toml"
    ledger = directory / "katana-woo-sync.db"
    ledger.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(world.config(ledger, unknown_wait=f"{UNKNOWN_WAIT}s"))
    settings = load(path, os.environ)
    redactor = Redactor(settings.secrets())
    if options.verbosity > 0:
        from katana_woo_sync.cli import logs

        logs.set_up(options.log_format, options.verbosity - 1, redactor)
    else:
        import logging

        logging.getLogger("katana_woo_sync").addHandler(logging.NullHandler())
        logging.getLogger("katana_woo_sync").propagate = False
    stop = StopSignals()
    return Program(
        settings=settings,
        redactor=redactor,
        stop=stop,
        katana=make_katana(settings, redactor, stop, dry_run=False),
        stores=make_stores(settings, redactor, stop, dry_run=False),
        dry_run=False,
    )


class Story(Struct):
    """The chapters, each of which looks at both sides and says what it sees there."""

    world: World
    program: Program
    wrong: list[str] = field(default_factory=list)
    chapter: int = 0

    def tell(self) -> None:
        """Tell all of it."""
        started = time.monotonic()
        self.connecting()
        self.new_orders()
        self.delivered_in_katana()
        self.completed_in_the_shop()
        self.stock()
        self.partly_delivered()
        self.an_edit()
        self.a_deleted_order()
        self.a_lost_answer()
        self.an_odd_order()
        self.needs_a_person()
        self.ledger_lost()
        seconds = time.monotonic() - started
        katana = self.world.katana
        self.check(
            not katana.contract_violations, "Katana's request contract was broken by a request"
        )
        click.echo(
            f"\nThat was the real program against real HTTP: {katana.server.count()} requests to "
            f"Katana, {self.world.eu.server.count() + self.world.us.server.count()} to the two "
            f"stores, {seconds:.0f} s. Next: connect your own accounts with `katana-woo-sync init`."
        )

    def title(self, text: str) -> None:
        """Begin a chapter."""
        self.chapter += 1
        click.echo(f"\n{self.chapter}. {text}")

    def say(self, text: str) -> None:
        """A sentence of the story."""
        click.echo(f"   {text}")

    def check(self, so: bool, otherwise: str) -> None:
        """What the story says must be so on the servers, or the demo fails."""
        if not so:
            self.wrong.append(f"chapter {self.chapter}: {otherwise}")

    def sync(self, *, stock: bool = False) -> Report:
        """One cycle, as `katana-woo-sync sync` does it; `stock` as if that were due."""
        with self.program.context() as context:
            run_cycle(context, list(self.program.stores.values()), Options(stock_now=stock))
            return context.report

    def in_katana(self, order_id: int, store: str = "eu") -> list[int]:
        """The sales orders that carry the order's hidden ID, deleted ones too."""
        identity = self.program.stores[store].identity
        return [
            order.id
            for order in self.world.katana.sales_orders()
            if order.ecommerce_order_type == WOOCOMMERCE
            and order.ecommerce_store_name == identity
            and order.ecommerce_order_id == str(order_id)
        ]

    def total(self, order_id: int, store: str = "eu") -> str:
        """The totals of an order on both sides."""
        shop = self.world.eu if store == "eu" else self.world.us
        ours = Decimal(str(shop.order(order_id)["total"]))
        theirs = self.world.katana.order_total(self.in_katana(order_id, store)[0])
        self.check(abs(ours - theirs) < Decimal("0.10"), f"totals {ours} and {theirs}")
        return f"{ours} in the shop, {theirs:.2f} in Katana"

    def connecting(self) -> None:
        """Takeover and backfill."""
        self.title("Two stores are connected: eu (prices with tax, EUR), us (without, USD)")
        world = self.world
        before = self._imported_by_another()
        with self.program.context() as context:
            prepared = prepare(context, list(self.program.stores.values()), None)
            for each in prepared.found:
                sums = " + ".join(f"{total:.2f} {money}" for money, total in each.sums.items())
                self.say(
                    f"{each.store}: {each.orders} open orders, {sums}; {each.adopted} in Katana "
                    "already"
                )
            import_all(context, prepared.stores, Options(), lambda _done, _total: None)
            finish(context)
            report = context.report
        eu, us = report.store("eu"), report.store("us")
        self.say(f"Imported: {eu.imported} from eu, {us.imported} from us; adopted: {eu.adopted}.")
        self.check((eu.imported, us.imported, eu.adopted) == (2, 2, 1), "the backfill's counts")
        self.check(len(self.in_katana(before)) == 1, "the adopted order was imported again")
        for order_id in self._processing(world):
            if order_id != before:
                self.say(f"order {order_id}: {self.total(order_id)}")
        self.say("What was on hold or completed stayed where it is.")

    def _imported_by_another(self) -> int:
        """An order that Katana's own integration had imported before."""
        world = self.world
        order_id = world.eu.place_order([Item(world.mug, 1)], billing=ELENI, customer_id=7)
        variant = next(v.id for v in world.katana.variants() if v.sku == "MUG-01")
        world.katana.create_foreign_order(
            customer_id=world.katana.customers()[0].id,
            rows=[(variant, Decimal(1), Decimal(10))],
            order_no=str(order_id),
            ecommerce_store_name=self.program.stores["eu"].identity,
            ecommerce_order_id=str(order_id),
            order_created_date=world.eu.state.orders[order_id].created,
        )
        return order_id

    @staticmethod
    def _processing(world: World) -> list[int]:
        return [o.id for o in world.eu.state.orders.values() if o.status == "processing"]

    def new_orders(self) -> None:
        """Ordinary cycles."""
        self.title("New orders come in")
        world = self.world
        eu = world.eu.place_order(
            [Item(world.mug, 2, meta=(("Engraving", "For Maria"),))],
            billing=ELENI,
            customer_id=7,
            shipping=[COURIER],
        )
        us = world.us.place_order([Item(world.us_lamp, 2)])
        report = self.sync()
        self.say("One cycle later both are in Katana:")
        self.say(f"order {eu}, with a shipping fee: {self.total(eu)};")
        self.say(f"order US-{us}, with three US taxes: {self.total(us, 'us')}.")
        self.check(report.store("eu").imported == report.store("us").imported == 1, "imports")
        self.sync()
        self.check(len(self.in_katana(eu)) == 1, "imported twice")
        self.say("The next cycle finds nothing to do: one request to each store, one to Katana.")

    def delivered_in_katana(self) -> None:
        """Rule 10."""
        self.title("Delivered in Katana")
        order_id = self._processing(self.world)[0]
        self.world.katana.deliver(self.in_katana(order_id)[0])
        self.sync()
        self.check(self.world.eu.order(order_id)["status"] == "completed", "not completed")
        mails = [mail for mail in self.world.eu.mails if mail.order_id == order_id]
        self.check(len(mails) == 1, f"{len(mails)} mails")
        self.say(f"Order {order_id} is Completed in the shop, which mailed its customer once.")

    def completed_in_the_shop(self) -> None:
        """Rule 11."""
        self.title("Completed in the shop")
        order_id = self._processing(self.world)[0]
        self.world.eu.set_status(order_id, "completed")
        self.sync()
        sales_order = self.world.katana.sales_order(self.in_katana(order_id)[0])
        self.check(sales_order.status == "DELIVERED", f"it is {sales_order.status}")
        self.say(f"Order {order_id} is Delivered in Katana.")

    def stock(self) -> None:
        """Rule 13."""
        self.title("Stock")
        world, katana = self.world, self.world.katana
        place = katana.main_location_id
        self.sync(stock=True)
        before = self.mugs()
        in_stock = katana.in_stock(world.katana_mug, place)
        committed = katana.committed(world.katana_mug, place)
        self.say(f"Katana has {in_stock:f} mugs, {committed:f} of them for open orders, and one is")
        self.say(f"taken by an order on hold in the shop: both shops have {before} to sell.")
        katana.create_foreign_order(
            customer_id=katana.add_customer("Wholesale Ltd"),
            rows=[(world.katana_mug, Decimal(20), Decimal("6.50"))],
            ecommerce_order_type=None,
            status="DELIVERED",
        )
        report = self.sync(stock=True)
        after = self.mugs()
        self.check(after == before - 20, f"{after} after a wholesale delivery of 20, not 20 fewer")
        updated = [store.stock_updated for store in report.stores.values()]
        self.check(updated == [1, 1], f"{updated} quantities were set")
        self.say(f"20 are delivered to a wholesale customer: both shops have {after} now.")

    def mugs(self) -> int:
        """How many mugs both shops may sell."""
        world, katana = self.world, self.world.katana
        place = katana.main_location_id
        there = katana.in_stock(world.katana_mug, place)
        free = there - katana.committed(world.katana_mug, place) - 1  # one is on hold in the shop
        shown = (world.eu.stock(world.mug), world.us.stock(world.us_mug))
        as_it_should_be = all(each == free for each in shown)
        self.check(as_it_should_be, f"the shops have {shown}, and {free} are free")
        return shown[0] or 0

    def partly_delivered(self) -> None:
        """Rule 10: nothing."""
        self.title("Partly delivered in Katana")
        order_id = self._processing(self.world)[-1]
        self.world.katana.deliver_part(self.in_katana(order_id)[0])
        self.sync()
        status = self.world.eu.order(order_id)["status"]
        self.check(status == "processing", f"the shop says {status}")
        self.say(f"Order {order_id} stays Processing in the shop until all of it is delivered.")

    def an_edit(self) -> None:
        """Rule 9."""
        self.title("Edited in the shop after the import")
        order_id = self._processing(self.world)[-1]
        before = self.world.katana.order_total(self.in_katana(order_id)[0])
        self.world.eu.edit_order(order_id, customer_note="Make it two", billing=JURGEN)
        self.sync()
        after = self.world.katana.order_total(self.in_katana(order_id)[0])
        self.check(before == after, "the edit crossed")
        self.say(f"Order {order_id} is as it was in Katana; the edit is noted with the order.")

    def a_deleted_order(self) -> None:
        """Rule 2."""
        self.title("Deleted in Katana")
        order_id = self.world.eu.place_order([Item(self.world.book, 1)], billing=ELENI)
        self.sync()
        self.world.katana.delete_order(self.in_katana(order_id)[0])
        self.world.eu.edit_order(order_id, customer_note="Where is it?")
        self.sync()
        self.sync()
        self.check(len(self.in_katana(order_id)) == 1, "it came back")
        self.say(f"Order {order_id} does not come back, even though it changed in the shop since.")

    def a_lost_answer(self) -> None:
        """The write-ahead intent."""
        self.title("A fault: Katana creates an order, and the network loses its answer")
        order_id = self.world.eu.place_order(
            [Item(self.world.mug, 1)], billing=JURGEN, shipping=[COURIER]
        )
        self.world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
        self.sync()
        self.say("The outcome is unknown, so nothing is tried again blindly.")
        time.sleep(UNKNOWN_WAIT + 0.1)
        self.sync()
        count = len(self.in_katana(order_id))
        self.check(count == 1, f"{count} times in Katana")
        self.say(f"A little later Katana is asked: order {order_id} is there, once. Its shipping")
        self.say(f"fee was added: {self.total(order_id)}.")

    def an_odd_order(self) -> None:
        """Rule 7's odd products."""
        self.title("An odd order: a variation without a SKU, and a product deleted since")
        world = self.world
        poster, (variation,) = world.eu.add_variable_product(
            "Poster", "POSTER", [("", "9.90", {"Size": "A2"})]
        )
        vase = world.eu.add_product("Vase", "VASE", "19.00")
        items = [Item(poster, 1, variation), Item(vase, 1)]
        order_id = world.eu.place_order(items, billing=ELENI)
        world.eu.delete_product(vase)
        self.sync()
        self.check(len(self.in_katana(order_id)) == 1, "it is not in Katana")
        self.say("Both are items in Katana now, found again for the next order that has them:")
        self.say(f"order {order_id}: {self.total(order_id)}.")

    def needs_a_person(self) -> None:
        """Attention."""
        self.title("An order that needs a person")
        world = self.world
        bowl = world.eu.add_product("Bowl", "BOWL", "8.00")
        for name in ("Bowl", "Old bowl"):
            twin = world.katana.add_product(name, "BOWL")
        order_id = world.eu.place_order([Item(bowl, 1)], billing=ELENI)
        other = world.eu.place_order([Item(world.mug, 1)], billing=ELENI, customer_id=7)
        report = self.sync()
        problems = [p for p in report.problems if p.order_id == order_id]
        self.check(len(problems) == 1, "the problem is not shown")
        self.check(len(self.in_katana(other)) == 1, "it held up another order")
        for problem in problems:
            self.say(f"Order {safe(problem.order_number)}: {problem.sentence}")
            self.say(problem.remedy)
        self.say(f"Meanwhile order {other} went through.")
        world.katana.archive_variant(twin)

    def ledger_lost(self) -> None:
        """Rule 2."""
        self.title("The ledger is lost")
        before = len(self.world.katana.sales_orders())
        for path in self.program.settings.ledger.parent.glob("katana-woo-sync.db*"):
            path.unlink()
        report = self.sync()
        adopted = report.store("eu").adopted + report.store("us").adopted
        self.say(f"{adopted} orders were recognised in Katana by their hidden ID and taken over;")
        new = len(self.world.katana.sales_orders()) - before
        self.check(new == 1, f"{new} new sales orders where the bowl was to come")
        self.say("the bowl, whose SKU is one item's alone by now, was imported. None was doubled.")
