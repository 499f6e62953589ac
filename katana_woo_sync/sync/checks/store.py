"""What is tested of one store, by itself and against Katana and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, structs

from katana_woo_sync.clients.errors import MissingPermission, ServiceError
from katana_woo_sync.clients.list_reader import PER_PAGE
from katana_woo_sync.config import Settings
from katana_woo_sync.domain import checks
from katana_woo_sync.domain.checks import error, in_the_future, ok, warning, words_of_the_future
from katana_woo_sync.domain.cursors import is_cached_answer
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import InKatana, State
from katana_woo_sync.domain.products import VARIABLE
from katana_woo_sync.domain.shipments import ShipmentWay
from katana_woo_sync.domain.woocommerce import LineItem, Order, StockItem, StoreFacts
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.checks.asking import Findings, refusal
from katana_woo_sync.sync.checks.katana import KatanaSide
from katana_woo_sync.sync.context import Store
from katana_woo_sync.sync.katana_facts import location_words, match_location
from katana_woo_sync.sync.poll import answered_name, cursor_name

MOST_PARENTS = 200
"""Variable products whose variations are asked for one by one, where there is no list of all."""

MOST_ORDERS = 500
"""Open orders whose products are looked at."""

LET_IT_LEAVE_OUT = "Let the cache (plugin, host or CDN) leave out everything under /wp-json"

REACHED = "connection"
REMEDY_FOR_LISTS = (
    "Open in the shop what is named here and save it again: a plugin may have written a value that "
    "WooCommerce does not foresee"
)
MAY_WRITE = "write permission"


class StoreCheck(Struct, frozen=True):
    """The tests of one store. `now` is UTC; `ledger` is None where it cannot be read."""

    store: Store
    settings: Settings
    ledger: Ledger | None
    katana: KatanaSide
    now: datetime
    findings: Findings

    def run(self) -> None:
        """Test everything; what the shop does not answer leaves the rest to be tested."""
        reached = self._reach()
        self._location()
        self.findings.ask("Katana's integration", self._own_integration)
        self.findings.ask("till", self._till)
        if not reached:
            return
        self._may_write()
        self._cache()
        self._times()
        self._lists()
        self._money()
        self._shipments()
        self._catalogue()
        self.findings.ask("open orders", self._open_orders)
        for text in self.store.shop.take_unread():
            self.findings.add(
                error(self.store.name, "lists", f"it could not be read: {text}", REMEDY_FOR_LISTS)
            )

    def _reach(self) -> bool:
        name, shop = self.store.name, self.store.shop

        def ping() -> bool:
            shop.ping()
            return True

        if not self.findings.ask(REACHED, ping):
            return False
        reached = f"{self.store.settings.api_url} {shop.connection}"
        if shop.connection.key_in_query:
            self.findings.add(
                warning(
                    name,
                    REACHED,
                    f"{reached}: the host takes the Authorization header away, so key and secret "
                    "stand in the address of each request, and in the host's access log",
                    "Ask the host to pass the Authorization header on to PHP (Apache: CGIPassAuth "
                    "On). It is tried again each day",
                )
            )
        else:
            self.findings.add(ok(name, REACHED, f"{reached}; the key may read"))
        moved = shop.connection.url
        if moved:
            self.findings.add(
                warning(name, "address", f"it redirects to {moved}", f'Set url = "{moved}"')
            )
        return True

    def _may_write(self) -> None:
        name = self.store.name
        try:
            self.store.shop.may_write()
        except MissingPermission as refused:
            found = f"{refused.reason}: orders are imported, but none can be completed in the shop"
            self.findings.add(error(name, MAY_WRITE, found, refused.remedy))
        except ServiceError as refused:
            self.findings.add(refusal(name, MAY_WRITE, refused))
        else:
            self.findings.add(ok(name, MAY_WRITE, "yes (asked without changing anything)"))

    def _cache(self) -> None:
        name, tested = self.store.name, "cache"
        sign = self.findings.ask(tested, self.store.shop.cached_by)
        dated = self._kept_answer()
        if self.findings.ask(tested, self.store.shop.is_query_ignored):
            self.findings.add(
                error(
                    name,
                    tested,
                    "a cache answers in the shop's place and takes no notice of the query (what "
                    "stands after the ? of an address): each list is answered with another's rows, "
                    "and orders are missed",
                    LET_IT_LEAVE_OUT,
                )
            )
        elif dated:
            self.findings.add(
                error(
                    name,
                    tested,
                    "a cache answers in the shop's place: every answer with the list of changed "
                    f"orders is dated {dated}; new orders are seen late or never",
                    LET_IT_LEAVE_OUT,
                )
            )
        elif sign:
            self.findings.add(
                error(
                    name,
                    tested,
                    f"a cache answers in the shop's place ({sign}): new orders are seen late or "
                    "never",
                    LET_IT_LEAVE_OUT,
                )
            )
        elif sign is not None:
            self.findings.add(ok(name, tested, "no cache answers in the shop's place"))

    def _kept_answer(self) -> str:
        """The date that the cycles' lists of changed orders were stuck at; "" where they were
        not."""
        if self.ledger is None:
            return ""
        answered = self.ledger.stores.cursor(answered_name(self.store))
        if answered is None or answered.mark is None or not is_cached_answer(answered, self.now):
            return ""
        return f"{answered.mark:%Y-%m-%d %H:%M} UTC"

    def _times(self) -> None:
        """Orders that were modified in the shop's future, as the cycles found them."""
        name, tested = self.store.name, "modification times"
        if self.ledger is None:
            return
        ahead = self.ledger.stores.ahead(cursor_name(self.store))
        times = in_the_future(ahead.values(), self.now)
        if times:
            remedy = "Look for a plugin that changes orders, and save these orders again"
            self.findings.add(warning(name, tested, words_of_the_future(times), remedy))

    def _lists(self) -> None:
        """Whether lists can be read to their end, a page after the other."""
        name, tested = self.store.name, "lists"
        tried = self.findings.ask(tested, self.store.shop.tried_pages)
        if tried is None:
            return
        if not tried.moves:
            found = "every page of a list holds the rows of the first page: most orders are missed"
            remedy = f"{LET_IT_LEAVE_OUT}: it takes no notice of `offset` in the address"
            self.findings.add(error(name, tested, found, remedy))
        elif tried.is_capped and tried.came == 0:
            found = f"none of {tried.total} orders came"
            remedy = "A plugin or the host holds them back: let it leave /wp-json alone"
            self.findings.add(error(name, tested, found, remedy))
        elif tried.is_capped:
            found = (
                f"at most {tried.came} rows come in a page, though {PER_PAGE} are asked for: all "
                "are read, in more requests"
            )
            remedy = "Let the host or plugin that limits `per_page` leave /wp-json alone"
            self.findings.add(warning(name, tested, found, remedy))
        else:
            self.findings.add(ok(name, tested, "they are read page by page"))

    def _money(self) -> None:
        name = self.store.name
        facts = self.findings.ask("currency", self.store.shop.facts)
        prices = self.findings.ask("tax setting", self.store.shop.price_settings)
        if facts is not None and self.katana.base_currency is not None:
            multi = self.settings.katana.multi_currency
            base = self.katana.base_currency
            self.findings.add(
                checks.currency(name, str(facts.currency), base, multi_currency=multi)
            )
        if prices is not None:
            with_tax = "with" if prices.include_tax else "without"
            self.findings.add(
                ok(name, "tax setting", f"prices are entered {with_tax} tax; {_rounding(facts)}")
            )

    def _shipments(self) -> None:
        """Where the shop is told of deliveries in Katana."""
        name, tested = self.store.name, "shipments"
        if self.store.settings.shipments == "off":
            return
        way = self.findings.ask(tested, self.store.shop.shipment_way)
        if way is None:
            return
        noted = self.settings.orders.tracking_note
        if way is not ShipmentWay.NONE:
            self.findings.add(ok(name, tested, f"told by {way.words}"))
        elif noted != "none":
            found = f'told by {way.words} (tracking_note = "{noted}")'
            self.findings.add(ok(name, tested, found))
        else:
            self.findings.add(
                warning(
                    name,
                    tested,
                    "nothing in the shop can show deliveries and their tracking",
                    "In WooCommerce 10.1 or later switch on Settings, Advanced, Features, "
                    "Fulfillments, or install Shipment Tracking or Advanced Shipment Tracking; or "
                    "set tracking_note",
                )
            )

    def _location(self) -> None:
        locations = self.katana.locations
        if locations is None:
            return
        found = match_location(self.store, locations)
        wrong = "" if found else location_words(self.store, locations)
        self.findings.add(checks.location(self.store.name, found, wrong))

    def _till(self) -> None:
        """What was sold at the till and left out is in Katana's stock still."""
        if self.ledger is None or not self.store.settings.sync_stock:
            return
        found = checks.till(self.store.name, self.ledger.orders.sold_at_till(self.store.identity))
        if found is not None:
            self.findings.add(found)

    # Katana's own integration

    def _own_integration(self) -> None:
        if self.ledger is None or self.katana.recent is None:
            return
        known = self.ledger.stores.get(self.store.identity)
        connected_at = known.connected_at if known else None
        since = self.now - checks.LATELY
        if connected_at is not None:
            # what was there when the program came is what it took over
            since = max(since, connected_at, self.ledger.journal.first_run() or connected_at)
        made = self._made_by_others(self.ledger, self.katana.recent, since)
        self.findings.add(
            checks.other_importer(
                self.store.name, made, connected=connected_at is not None, since=since
            )
        )

    def _made_by_others(
        self, ledger: Ledger, recent: Sequence[SalesOrder], since: datetime
    ) -> dict[str, datetime]:
        """The numbers of the store's sales orders that this program did not make, and when they
        were made (UTC): those that it does not know, and those that it found there and adopted."""
        identity = self.store.identity
        names = {
            n.lower() for n in (identity, *self.settings.alternative_names(self.store.settings))
        }
        own = [
            order
            for order in recent
            if order.ecommerce_store_name.lower() in names
            and (utc_time(order.created_at) or since) >= since
        ]
        known = ledger.orders.by_sales_order([int(order.id) for order in own])
        importing = {str(r.order_id) for r in ledger.orders.importing(identity)}
        unknown = {
            str(order.order_no): utc_time(order.created_at) or since
            for order in own
            if int(order.id) not in known and str(order.ecommerce_order_id) not in importing
        }
        adopted = ledger.orders.adopted_since(identity, since)
        return unknown | {r.sales_order_no: r.imported_at or since for r in adopted}

    # SKUs

    def _catalogue(self) -> None:
        tested, name = "SKUs in the shop", self.store.name
        products = self.findings.ask(tested, lambda: self.store.shop.all_stock_items(whole=True))
        if products is None:
            return
        variations = self.findings.ask(tested, lambda: self._variations(products))
        if variations is None:
            return
        self.findings.add(*checks.shop_skus(name, products, variations))
        if self.katana.variants is not None:
            aliases = self.settings.sku_aliases
            self.findings.add(
                *checks.matched_skus(name, products, variations, self.katana.variants, aliases)
            )

    def _variations(self, products: Sequence[StockItem]) -> Sequence[StockItem]:
        parents = [int(product.id) for product in products if product.type in VARIABLE]
        if not parents:
            return ()
        listed = self.store.shop.all_variations(whole=True)
        if listed is not None:
            return listed
        asked = parents[:MOST_PARENTS]
        if len(asked) < len(parents):
            found = f"only the first {len(asked)} of {len(parents)} variable products looked at"
            self.findings.add(ok(self.store.name, "SKUs in the shop", found))
        return [
            each
            for parent in asked
            for each in self.store.shop.variations_stock(parent, whole=True)
        ]

    def _open_orders(self) -> None:
        if self.katana.variants is None:
            return
        orders = [self._without_known(order) for order in self._not_yet_imported()]
        ids = {int(line.product_id) for order in orders for line in order.line_items}
        products = self.store.shop.products(sorted(ids - {0})) if ids - {0} else ()
        self.findings.add(
            checks.ordered_skus(
                self.store.name,
                orders,
                {int(product.id): product for product in products},
                self.katana.variants,
                self.settings.sku_aliases,
                creates=self.settings.orders.create_products,
            )
        )

    def _not_yet_imported(self) -> list[Order]:
        shop, statuses = self.store.shop, self.store.settings.import_statuses
        ids = [int(order.id) for page in shop.open_orders(statuses) for order in page]
        known: Mapping[int, object] = {}
        if self.ledger is not None:
            records = self.ledger.orders.known(self.store.identity, ids)
            known = {
                order_id: record
                for order_id, record in records.items()
                if record.in_katana is not InKatana.NO
                or record.state in (State.SKIPPED, State.IGNORED)
            }
        waiting = [order_id for order_id in ids if order_id not in known][-MOST_ORDERS:]
        read = shop.orders(waiting, None) if waiting else ()
        since = self._since()
        return [
            order
            for order in read
            if isinstance(order, Order) and not (since and order.created and order.created < since)
        ]

    def _since(self) -> datetime | None:
        """Orders placed before this are never imported: the config's, or `backfill --since`'s."""
        known = self.ledger.stores.get(self.store.identity) if self.ledger else None
        dates = (self.store.settings.since, known.since if known else None)
        return max((date for date in dates if date is not None), default=None)

    def _without_known(self, order: Order) -> Order:
        """The order without the lines whose variant is remembered, which need no SKU."""
        lines = tuple(line for line in order.line_items if not self._is_remembered(line))
        return structs.replace(order, line_items=lines)

    def _is_remembered(self, line: LineItem) -> bool:
        if self.ledger is None or not line.product_id:
            return False
        place = (self.store.identity, int(line.product_id), int(line.variation_id))
        return self.ledger.catalogue.product(*place) is not None


def _rounding(facts: StoreFacts | None) -> str:
    if facts is None:
        return "how tax is rounded could not be read"
    return "tax is rounded " + ("at the subtotal" if facts.round_at_subtotal else "per line")
