"""The client of WooCommerce's REST API (wc/v3)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as dt_time
from functools import partial
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs
from msgspec.structs import replace

from katana_woo_sync.clients.answers import JsonAnswer, sign_of_cache
from katana_woo_sync.clients.errors import (
    BadRequest,
    Incomplete,
    MissingPermission,
    NoRoute,
    NotFound,
    NotTheApi,
    ServiceError,
    Temporary,
)
from katana_woo_sync.clients.http import Params
from katana_woo_sync.clients.list_reader import PER_PAGE, FewerRows, StuckList, read_pages
from katana_woo_sync.clients.order_reader import (
    BROKEN,
    ChangedOrders,
    Page,
    ReadOrder,
    Rescue,
    Times,
    UnreadableOrder,
    once_each,
    read_changed,
    read_order,
    without_modified,
)
from katana_woo_sync.clients.woocommerce_api import WooCommerceApi
from katana_woo_sync.clients.woocommerce_http import NO_ORDER
from katana_woo_sync.domain.cursors import newest
from katana_woo_sync.domain.fields import Text, Whole, utc_time
from katana_woo_sync.domain.shipments import ShipmentWay, ShopFulfillment, Tracking
from katana_woo_sync.domain.woocommerce import (
    About,
    Customer,
    DatedOrder,
    Meta,
    Order,
    OrderNote,
    PriceSettings,
    Product,
    Refund,
    StockAnswer,
    StockItem,
    StoreFacts,
    StoreTaxRate,
)

ORDER_FIELDS = ",".join(name for name in Order.__struct_fields__ if name != "meta_data")
"""Meta is asked for only where it is used: plugins keep kilobytes of it on every order."""

CUSTOMER_FIELDS = ",".join(Customer.__struct_fields__)
ID_FIELDS = "id,number"
TIME_FIELDS = "id,date_modified_gmt"
NEWEST_MAY_BREAK = 2
"""How many of the newest orders may break the shop's answers before it counts as down."""

SLIM_FIELDS = (
    "id,number,order_key,status,currency,total,date_created_gmt,date_modified_gmt,"
    "date_completed_gmt,date_created,date_modified,date_paid,date_paid_gmt,needs_processing,"
    "created_via,parent_id"
)

LINE_FIELDS = "id,number,status,date_modified_gmt,created_via,parent_id,line_items"

log = logging.getLogger("katana_woo_sync.clients")


COMPLETED = "completed"

AnyOrder = TypeVar("AnyOrder", bound=Order)


class TriedPages(Struct, frozen=True):
    """How a shop answers a list: the rows of its longest page, how many it says there are (None: it
    does not say), and whether another place has other rows."""

    came: int
    total: int | None
    moves: bool

    @property
    def is_capped(self) -> bool:
        """Whether fewer rows came than were asked for, though there are more."""
        return self.total is not None and self.came < min(PER_PAGE, self.total)


def missing_orders(how_many: str) -> tuple[str, str]:
    """What is wrong where fewer orders came than there are, and what to do."""
    remedy = (
        "A plugin or the host may hold some back. In the shop's list of orders, look for one that "
        "cannot be opened. The list is read again in the next cycle"
    )
    return f"of its list of orders {how_many}", remedy


def _setting(data: object) -> str:
    return str(data.get("value", "")) if isinstance(data, dict) else ""


def _past_any_cache() -> tuple[str, str]:
    """What makes an address one of its own, for which no cache has an answer."""
    return "nocache", str(time.time_ns())


def _with(fields: str, dp: int | None) -> tuple[tuple[str, str], ...]:
    decimals = () if dp is None else (("dp", str(dp)),)
    return (("_fields", fields), *decimals)


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _is_after(order: ReadOrder, after: datetime) -> bool:
    if not isinstance(order, Order) or order.modified is None:
        return True
    return order.modified > after - timedelta(seconds=1)


def _has_status(order: ReadOrder, statuses: Sequence[str]) -> bool:
    return not isinstance(order, Order) or order.status in statuses


PRODUCT_FIELDS = ",".join(Product.__struct_fields__)


def _of_parent(variation: Product, product_id: int) -> Product:
    """The variation with its parent and type, which 8.2 leaves out."""
    return structs.replace(
        variation,
        parent_id=variation.parent_id or Whole(product_id),
        type=variation.type or Text("variation"),
    )


STOCK_FIELDS = (
    "id,parent_id,name,type,status,sku,manage_stock,stock_quantity,backorders,date_modified_gmt"
)
MORE_FIELDS = "price,tax_status,tax_class,attributes"
BY_ID = (("orderby", "id"), ("order", "asc"))
SKUS_PER_REQUEST = 90
"""Fewer than a page holds, so that a page is known to be the last even where some look alike."""

LONGEST_SKUS = 4000
"""Characters of SKUs in one address; some hosts take no more than 8,000 in all."""


AN_HOUR = timedelta(hours=1)


class ProductsChanged(Struct, frozen=True):
    """Products that were changed (no variations), and the newest time of change (UTC) that is not
    in the shop's own future, which is what lies beyond `as_of`; `is_whole` tells whether all came.
    """

    items: tuple[StockItem, ...]
    mark: datetime | None
    as_of: datetime
    is_whole: bool = True


def _fields(*, whole: bool) -> tuple[str, str]:
    return ("_fields", f"{STOCK_FIELDS},{MORE_FIELDS}" if whole else STOCK_FIELDS)


def _parts(skus: Sequence[str]) -> list[list[str]]:
    """The SKUs in portions that fit into an address, and onto a page."""
    parts: list[list[str]] = [[]]
    size = 0
    for sku in skus:
        length = len(sku.encode("utf-8", "replace")) * 3 + 3
        if parts[-1] and (len(parts[-1]) >= SKUS_PER_REQUEST or size + length > LONGEST_SKUS):
            parts.append([])
            size = 0
        parts[-1].append(sku)
        size += length
    return parts if parts[-1] else []


class WooCommerceClient(WooCommerceApi):
    """A store's orders, products and settings. Every method raises a `ServiceError`."""

    @property
    def _order_fields(self) -> str:
        return f"{ORDER_FIELDS},meta_data" if self._wants_meta else ORDER_FIELDS

    def newest_modified(self) -> datetime | None:
        """The newest modification time of any order (UTC) that is not in the shop's own future;
        None in a shop without orders."""
        for place in range(1 + NEWEST_MAY_BREAK):
            try:
                return self._modified_at(place)
            except (Temporary, NotTheApi):
                self.ping()  # raises in an outage; else it is that order which breaks the answer
        return self._modified_at(1 + NEWEST_MAY_BREAK)

    def _modified_at(self, place: int, before: datetime | None = None) -> datetime | None:
        params = [("orderby", "modified"), ("order", "desc"), ("_fields", TIME_FIELDS)]
        if before is not None:
            params += [("modified_before", _seconds(before)), ("dates_are_gmt", "true")]
        times = Times()
        page = self._order_page(params, place, 1, times)
        if times.ahead and before is None:
            return self._modified_at(place, times.as_of)
        orders = (order for order in page.rows if isinstance(order, Order))
        return next((order.modified for order in orders), None)

    def newest_numbers(self) -> list[str]:
        """The numbers of the newest hundred orders, as the shop shows them."""
        fields = (("_fields", "id,number"), ("per_page", str(PER_PAGE)))
        rows, _total = self._rows("/orders", (("orderby", "id"), ("order", "desc"), *fields))
        return [str(row.get("number", "")) for row in rows if isinstance(row, dict)]

    def may_write(self) -> None:
        """Ask whether the key may write, and change nothing: no shop has an order 0.

        WooCommerce looks at the key first; one that may write is told that there is no such order.

        Raises `MissingPermission` for a key that may only read.
        """
        try:
            self._http.request("PUT", NO_ORDER, body=b"{}")
        except NotFound:
            return
        except BadRequest as error:
            if error.status != 400:
                raise

    def cached_by(self) -> str:
        """The header by which a cache says that it answered in the shop's place; "" without one.

        A list without any order is asked for twice, so that a cache has something to answer with.
        """
        params = (("include", "0"), ("per_page", "1"), ("_fields", "id"))
        self._http.get("/orders", params)
        return sign_of_cache(self._http.get("/orders", params).headers)

    def is_query_ignored(self) -> bool:
        """Whether an answer is the same whatever the query asks for, as caches of some hosts give
        it. Pages without rows do not exist: WooCommerce refuses them."""
        rows, _total = self._rows("/orders", (("include", "0"), ("_fields", "id")))
        if rows:
            return True
        try:
            self._http.get("/orders", (("per_page", "0"), ("_fields", "id")))
        except BadRequest:
            return False
        return True

    def tried_pages(self) -> TriedPages:
        """Ask for the longest page of orders, and for the same from the second row on."""
        params = (("orderby", "id"), ("order", "asc"), ("status", "any"), ("_fields", "id"))
        asked = (*params, ("per_page", str(PER_PAGE)))
        rows, total = self._rows("/orders", (*asked, ("offset", "0")))
        moves = True
        if len(rows) > 1:
            second, _total = self._rows("/orders", (*asked, ("offset", "1")))
            moves = second[:1] != rows[:1]
        return TriedPages(len(rows), total, moves)

    def changed_orders(
        self,
        after: datetime | None,
        dp: int | None,
        ahead: Mapping[int, datetime] = MappingProxyType({}),
    ) -> ChangedOrders:
        """All orders modified after this time (UTC), whatever their status but trash.

        Where orders are known that were modified in the shop's future (`ahead`, their times by id),
        such a list holds them every time. Then only times are asked for, and whole orders where
        they are others: what changed, and what left the future.
        """
        if not ahead:
            return self._changed_since(after, _with(self._order_fields, dp))
        listed = self._changed_since(after, (("_fields", TIME_FIELDS),))
        ids = {int(order.id) for order in listed.orders}
        same = {i: at for i, at in listed.ahead.items() if ahead.get(i) == at}
        times = Times()
        orders = self.orders(sorted((ids | ahead.keys()) - same.keys()), dp, times=times)
        unreadable = [int(order.id) for order in orders if isinstance(order, UnreadableOrder)]
        same.update((i, listed.ahead[i]) for i in unreadable if i in listed.ahead)
        return replace(listed, orders=orders, ahead={**same, **times.ahead})

    def _changed_since(self, after: datetime | None, fields: Params) -> ChangedOrders:
        """WooCommerce compares whole seconds, exclusively; with `dates_are_gmt` the time must carry
        no suffix, or the site's offset is applied to it."""
        params = [("orderby", "id"), ("order", "desc"), ("status", "any")]
        if after is not None:
            params.append(("modified_after", _seconds(after)))
            params.append(("dates_are_gmt", "true"))
        times = Times()
        fetch = partial(self._order_page, (*params, *fields), times=times)
        try:
            changed = read_changed(
                fetch, rescue=self._rescue(params, fields, times), passed_over=self._pass_over_order
            )
        except StuckList:
            raise self._stuck("/orders") from None
        # 8.2 ignores filters that it does not know, and answers everything
        wanted = tuple(o for o in changed.orders if after is None or _is_after(o, after))
        return replace(changed, orders=wanted, as_of=times.as_of, ahead=times.ahead)

    def open_orders(self, statuses: Sequence[str]) -> Iterator[tuple[ReadOrder, ...]]:
        """The orders in these statuses, by pages, in the order of their ids; only the few fields
        that tell which they are.

        One status that the shop does not know (of a plugin since removed) fails the whole request:
        the others are then asked for without it, with a warning.
        """
        yield from self._of_known(statuses, (("_fields", SLIM_FIELDS),))

    def whole_orders(self, statuses: Sequence[str]) -> Iterator[tuple[ReadOrder, ...]]:
        """The same with their lines."""
        yield from self._of_known(statuses, (("_fields", LINE_FIELDS),))

    def _of_known(self, statuses: Sequence[str], fields: Params) -> Iterator[tuple[ReadOrder, ...]]:
        pages = self._open_orders(statuses, fields)
        try:
            first = next(pages, None)
        except BadRequest as error:
            if len(statuses) < 2 or not error.concerns("status"):
                raise
            pages = self._open_orders(self._known(statuses), fields)
            first = next(pages, None)
        if first is not None:
            yield first
            yield from pages

    def _known(self, statuses: Sequence[str]) -> list[str]:
        """Those of the statuses that the shop knows."""
        known = []
        for status in statuses:
            params = (("status", status), ("per_page", "1"), ("_fields", "id"))
            try:
                self._rows("/orders", params)
            except BadRequest as error:
                if not error.concerns("status"):
                    raise
                log.warning(
                    "%s: the shop does not know the status %r (any more); take it out of "
                    "import_statuses, or switch the plugin on that made it",
                    self._name,
                    status,
                )
            else:
                known.append(status)
        return known

    def _open_orders(
        self, statuses: Sequence[str], fields: Params
    ) -> Iterator[tuple[ReadOrder, ...]]:
        # A comma list: of a repeated plain key WooCommerce keeps only the last.
        params = (("orderby", "id"), ("order", "asc"), ("status", ",".join(statuses)))
        fetch = partial(self._order_page, (*params, *fields))
        try:
            pages = read_pages(
                fetch,
                descending=False,
                rescue=self._rescue(params, fields),
                passed_over=self._pass_over_order,
            )
            for page in once_each(pages):
                yield tuple(order for order in page if _has_status(order, statuses))
        except StuckList:
            raise self._stuck("/orders") from None
        except FewerRows as error:
            raise Incomplete(self._name, "GET /orders", *missing_orders(str(error))) from None

    def _pass_over_order(self, what: str) -> None:
        self._pass_over("/orders", what)

    def _rescue(self, params: Params, fields: Params, times: Times | None = None) -> Rescue:
        return Rescue(
            partial(self._order_page, (*params, ("_fields", ID_FIELDS))),
            lambda ids: self._by_ids(ids, fields, times),
            self.ping,
        )

    def _order_page(
        self, params: Params, offset: int, per_page: int, times: Times | None = None
    ) -> Page:
        """A page of a list of orders. `times` takes off modification times in the shop's future,
        and keeps them."""
        place = (("per_page", str(per_page)), ("offset", str(offset)))
        rows, total, as_of = self._dated_rows("/orders", (*params, *place))
        read = [read_order(row) for row in rows]
        found = [self._in_our_words(order) for order in read if order is not None]
        orders = (times or Times()).sift(found, as_of)
        if len(orders) < len(rows):
            self._pass_over_order(f"rows without an id, passed over: {len(rows) - len(orders)}")
        return Page(orders, len(rows), total)

    def orders(
        self,
        ids: Sequence[int],
        dp: int | None,
        *,
        slim: bool = False,
        times: Times | None = None,
    ) -> tuple[ReadOrder, ...]:
        """These orders as they are now, a hundred in a request; those in the trash or deleted are
        left out. `times` hears what modification times lie in the shop's future."""
        fields = (*_with(SLIM_FIELDS if slim else self._order_fields, dp), _past_any_cache())
        found: list[ReadOrder] = []
        for start in range(0, len(ids), PER_PAGE):
            found += self._by_ids(ids[start : start + PER_PAGE], fields, times)
        return tuple(found)

    def _by_ids(
        self, ids: Sequence[int], fields: Params, times: Times | None = None
    ) -> list[ReadOrder]:
        """Orders by their ids. Where one of them breaks the answer for all, it is told apart; where
        the shop is slow, it is asked for fewer at once."""
        if not ids:
            return []
        try:
            return self._listed(ids, fields, times)
        except (Temporary, NotTheApi) as error:
            try:
                self.ping()
            except ServiceError:
                raise error from None
        if len(ids) == 1:
            return self._alone(int(ids[0]), fields)
        half = len(ids) // 2
        first, second = (self._by_ids(part, fields, times) for part in (ids[:half], ids[half:]))
        return [*first, *second]

    def _listed(
        self, ids: Sequence[int], fields: Params, times: Times | None = None
    ) -> list[ReadOrder]:
        params = (
            ("include", ",".join(str(int(i)) for i in ids)),
            ("status", "any"),
            ("orderby", "id"),
            ("order", "asc"),
            *fields,
        )
        found: dict[int, ReadOrder] = {}
        fetch = partial(self._order_page, params, times=times)
        try:
            # as many as are asked for: some hosts fail for large pages, whatever is on them
            for page in read_pages(fetch, descending=False, per_page=len(ids)):
                found.update((int(o.id), o) for o in page if int(o.id) in ids)
                if len(found) == len(ids):
                    break
        except StuckList:
            raise self._stuck("/orders") from None
        except FewerRows:
            held_back = [int(i) for i in ids if int(i) not in found]
            return [*found.values(), *(o for i in held_back for o in self._alone(i, fields, times))]
        return list(found.values())

    def _alone(self, order_id: int, fields: Params, times: Times | None = None) -> list[ReadOrder]:
        """An order whose list fails, asked for by itself; as in a list, not from the trash."""
        path = f"/orders/{order_id}"
        try:
            answer = self._http.get(path, fields)
        except NotFound:
            return []
        except (Temporary, NotTheApi) as error:
            problem = f"{BROKEN}: {error.reason}"
            return [UnreadableOrder(order_id, "", problem, may_pass=True)]
        read = read_order(answer.data)
        read = None if read is None else self._in_our_words(read)
        if read is None or (isinstance(read, Order) and read.status == "trash"):
            return []
        return [*(times or Times()).sift([read], answer.as_of)]

    def order(self, order_id: int, dp: int | None) -> Order:
        """One order as it is now, also from the trash. Raises `NotFound` for one deleted for
        good."""
        path = f"/orders/{int(order_id)}"
        fields = (*_with(self._order_fields, dp), _past_any_cache())
        return self._order(path, self._http.get(path, fields))

    def _order(self, path: str, answer: JsonAnswer) -> Order:
        """The order of an answer, without a modification time that proves nothing."""
        order = self._completed(self._one(path, answer.data, Order))
        is_ahead = order.modified is not None and order.modified > answer.as_of
        return without_modified(order) if is_ahead else order

    def orders_placed(self, first: date, last: date, dp: int | None) -> tuple[DatedOrder, ...]:
        """Every order placed from the first day to the last, by the shop's own calendar, whatever
        its status but trash. The shop compares whole seconds, exclusively."""
        begin = datetime.combine(first, dt_time()) - timedelta(seconds=1)
        end = datetime.combine(last + timedelta(days=1), dt_time())
        params = (
            ("after", begin.isoformat()),
            ("before", end.isoformat()),
            ("status", "any"),
            ("orderby", "id"),
            ("order", "asc"),
            *_with(ORDER_FIELDS, dp),
        )
        found = self._all("/orders", params, DatedOrder)
        return tuple(self._completed(order) for order in found if first <= order.day <= last)

    def orders_of(self, email: str, dp: int | None) -> tuple[Order, ...]:
        """The orders with this e-mail address as the buyer's, whatever their status but trash."""
        wanted = email.strip().lower()
        params = (
            ("search", wanted),
            ("status", "any"),
            ("orderby", "id"),
            ("order", "asc"),
            *_with(ORDER_FIELDS, dp),
        )
        # the search finds other texts too
        found = self._all("/orders", params, Order, whole=True)
        return tuple(order for order in found if order.buyer.email.strip().lower() == wanted)

    def _in_our_words(self, order: ReadOrder) -> ReadOrder:
        return self._completed(order) if isinstance(order, Order) else order

    def _completed(self, order: AnyOrder) -> AnyOrder:
        """The order as completed, where its status is another word for that in this shop. It was
        completed when WooCommerce says so, else when it was changed last."""
        if order.status == COMPLETED or order.status not in self._store.completed_statuses:
            return order
        at = order.date_completed_gmt or order.date_modified_gmt
        return structs.replace(order, status=Text(COMPLETED), date_completed_gmt=at)

    def refunds(self, order_id: int, dp: int | None) -> tuple[Refund, ...]:
        """An order's refunds with their lines, oldest first. Where a shop lost a part of one, an
        error stands in its place, without an id: it is left out, and the order tells its amount."""
        path = f"/orders/{int(order_id)}/refunds"
        decimals = () if dp is None else (("dp", str(dp)),)
        params = (("orderby", "id"), ("order", "asc"), *decimals)
        refunds = self._all(path, params, Refund, whole=True)
        whole = [refund for refund in refunds if refund.id]
        if len(whole) < len(refunds):
            log.warning("%s: order %d: the shop lost a part of a refund", self._name, order_id)
        return tuple(sorted(whole, key=lambda refund: refund.id))

    def order_meta(self, order_id: int) -> tuple[Meta, ...]:
        """An order's meta, which is asked for only where it may be used."""
        path = f"/orders/{int(order_id)}"
        answer = self._http.get(path, (("_fields", "id,meta_data"),))
        return self._one(path, answer.data, Order).meta_data

    def complete(self, order_id: int) -> Order:
        """Set an order's status to completed (or the shop's own word for it), which mails the
        customer.

        Raises `UnknownOutcome` where the answer was lost; the status is to be read before it is set
        again.
        """
        path = f"/orders/{int(order_id)}"
        body = msgspec.json.encode({"status": self._store.complete_to})
        answer = self._http.request("PUT", path, params=_with(self._order_fields, None), body=body)
        try:
            order = self._order(path, answer)
        except NotTheApi as error:
            raise self._http.unknown(f"PUT {path}", error.reason) from None
        if order.status != COMPLETED:
            reason = f'the order stayed "{self._http.words(order.status)}"'
            remedy = "A plugin may hold it back; complete it in the shop"
            raise BadRequest(self._name, f"PUT {path}", reason, remedy)
        return order

    def notes(self, order_id: int) -> tuple[OrderNote, ...]:
        """The notes on an order; the shop answers all of them at once."""
        path = f"/orders/{int(order_id)}/notes"
        return tuple(self._one(path, row, OrderNote) for row in self._rows(path, ())[0])

    def add_note(self, order_id: int, text: str, *, to_customer: bool) -> None:
        """Write a note on an order; one to the customer is mailed, others only the shop sees.

        Raises `UnknownOutcome` where the answer was lost.
        """
        body = msgspec.json.encode({"note": text, "customer_note": to_customer})
        self._http.request("POST", f"/orders/{int(order_id)}/notes", body=body)

    def shipment_way(self) -> ShipmentWay:
        """Where the shop is told of shipments: a switch and plugins decide."""
        try:
            self._http.get(f"{NO_ORDER}/fulfillments")
        except NoRoute:
            names = self._http.namespaces()
            plugins = (ShipmentWay.SHIPMENT_TRACKING, ShipmentWay.AST)
            return next((way for way in plugins if way in names), ShipmentWay.NONE)
        except NotFound:
            pass  # no shop has an order 0
        return ShipmentWay.FULFILLMENTS

    def fulfillments(self, order_id: int) -> tuple[ShopFulfillment, ...]:
        """An order's Fulfillments. Raises `NoRoute` where the feature is off."""
        path = f"/orders/{int(order_id)}/fulfillments"
        return tuple(self._one(path, row, ShopFulfillment) for row in self._rows(path, ())[0])

    def put_fulfillment(
        self, order_id: int, body: Mapping[str, object], fulfillment_id: int | None
    ) -> None:
        """Add a Fulfillment to an order, or replace the one with this id. Raises `UnknownOutcome`
        where the answer was lost, `NoRoute` where the feature is off."""
        path = f"/orders/{int(order_id)}/fulfillments"
        if fulfillment_id is None:
            self._http.request("POST", path, body=msgspec.json.encode(body))
        else:
            where = f"{path}/{int(fulfillment_id)}"
            self._http.request("PUT", where, body=msgspec.json.encode(body))

    def trackings(self, way: ShipmentWay, order_id: int) -> tuple[Tracking, ...]:
        """What a tracking plugin has of an order. Raises `NoRoute` where the plugin is gone."""
        path = f"/{way}/orders/{int(order_id)}/shipment-trackings"
        return tuple(self._one(path, row, Tracking) for row in self._rows(path, ())[0])

    def add_tracking(self, way: ShipmentWay, order_id: int, body: Mapping[str, object]) -> None:
        """Add an entry of a tracking plugin. Raises `UnknownOutcome` where the answer was lost."""
        path = f"/{way}/orders/{int(order_id)}/shipment-trackings"
        self._http.request("POST", path, body=msgspec.json.encode(body))

    def remove_tracking(self, way: ShipmentWay, order_id: int, tracking_id: str) -> None:
        """Remove an entry of a tracking plugin. Raises `NotFound` where it is gone."""
        path = f"/{way}/orders/{int(order_id)}/shipment-trackings/{quote(tracking_id, safe='')}"
        self._http.request("DELETE", path)

    def customers(self) -> tuple[Customer, ...]:
        """Every registered customer, by ids that rise, whatever their role: shops change it."""
        params = (
            ("role", "all"),
            ("orderby", "id"),
            ("order", "asc"),
            ("_fields", CUSTOMER_FIELDS),
        )
        return self._all("/customers", params, Customer)

    def about(self) -> About:
        """Which versions the store runs."""
        path = "/system_status"
        data = self._http.get(path, (("_fields", "environment"),)).data
        environment = data.get("environment") if isinstance(data, dict) else None
        return self._one(path, environment, About)

    def utc_offset(self) -> timedelta | None:
        """How far the store's time zone is ahead of UTC, by its newest order; None without one."""
        fields = (("per_page", "1"), ("_fields", "date_created,date_created_gmt"))
        for row in self._rows("/orders", fields)[0]:
            if isinstance(row, dict):
                here, gmt = (
                    utc_time(Text(row.get(name) or ""))
                    for name in ("date_created", "date_created_gmt")
                )
                if here is not None and gmt is not None:
                    return here - gmt
        return None

    def facts(self) -> StoreFacts:
        """How the store counts its money: tax rounding, decimals, currency."""
        path = "/settings/tax/woocommerce_tax_round_at_subtotal"
        rounding = _setting(self._http.get(path).data)
        general = {
            str(row.get("id")): _setting(row)
            for row in self._rows("/settings/general", ())[0]
            if isinstance(row, dict)
        }
        decimals = general.get("woocommerce_price_num_decimals", "")
        return StoreFacts(
            round_at_subtotal=rounding == "yes",
            decimals=int(decimals) if decimals.isdigit() and int(decimals) < 9 else 2,
            currency=Text(general.get("woocommerce_currency", "")),
        )

    def products(self, ids: Sequence[int]) -> tuple[Product, ...]:
        """These products, a hundred in a request; those in the trash or deleted are left out."""
        found: list[Product] = []
        for start in range(0, len(ids), PER_PAGE):
            wanted = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in wanted)),
                ("status", "any"),
                ("orderby", "id"),
                ("order", "asc"),
                ("_fields", PRODUCT_FIELDS),
            )
            listed = self._all("/products", params, Product)
            found += [product for product in listed if int(product.id) in wanted]
        return tuple(found)

    def product(self, product_id: int) -> Product:
        """One product, also from the trash. Raises `NotFound` for one deleted for good."""
        path = f"/products/{int(product_id)}"
        params = (("_fields", PRODUCT_FIELDS),)
        return self._one(path, self._http.get(path, params).data, Product)

    def all_products(self) -> tuple[Product, ...]:
        """Every product but those in the trash, by ids that rise."""
        params = (
            ("orderby", "id"),
            ("order", "asc"),
            ("status", "any"),
            ("_fields", PRODUCT_FIELDS),
        )
        return self._all("/products", params, Product)

    def price_settings(self) -> PriceSettings:
        """Whether prices are entered with tax, and where the shop is."""
        path = "/settings/tax/woocommerce_prices_include_tax"
        base = "/settings/general/woocommerce_default_country"
        return PriceSettings(include_tax=self._setting(path) == "yes", base=self._setting(base))

    def _setting(self, path: str) -> str:
        data = self._http.get(path).data
        return str(data.get("value", "")) if isinstance(data, dict) else ""

    def tax_rates(self) -> tuple[StoreTaxRate, ...]:
        """The tax rates in the shop's settings."""
        return self._all("/taxes", (("orderby", "id"), ("order", "asc")), StoreTaxRate)

    def variation(self, product_id: int, variation_id: int) -> Product:
        """One variation, also from the trash. Raises `NotFound` for one deleted for good."""
        path = f"/products/{int(product_id)}/variations/{int(variation_id)}"
        return _of_parent(self._one(path, self._http.get(path).data, Product), product_id)

    def variations(self, product_id: int) -> tuple[Product, ...]:
        """All variations of a variable product, in the order of their ids."""
        path = f"/products/{int(product_id)}/variations"
        params = (("orderby", "id"), ("order", "asc"), ("status", "any"))
        return tuple(_of_parent(each, product_id) for each in self._all(path, params, Product))

    def stock_items(self, skus: Sequence[str]) -> tuple[StockItem, ...]:
        """The products and variations with one of these SKUs, exact case.

        WooCommerce's filter ignores case and accents and splits at commas, so what it answers is
        compared again; a SKU with a comma cannot be asked for.
        """
        wanted = [sku for sku in dict.fromkeys(skus) if sku and "," not in sku]
        found: dict[int, StockItem] = {}
        for part in _parts(wanted):
            params = (("sku", ",".join(part)), ("status", "any"), ("_fields", STOCK_FIELDS))
            for item in self._all("/products", (*params, *BY_ID), StockItem):
                if item.sku in part:
                    found[int(item.id)] = item
        return tuple(found.values())

    def stock_items_by_id(self, ids: Sequence[int]) -> tuple[StockItem, ...]:
        """These products, no variations, a hundred in a request."""
        found: list[StockItem] = []
        for start in range(0, len(ids), PER_PAGE):
            part = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in part)),
                ("status", "any"),
                ("_fields", STOCK_FIELDS),
            )
            listed = self._all("/products", (*params, *BY_ID), StockItem)
            found += [item for item in listed if int(item.id) in part]
        return tuple(found)

    def all_stock_items(self, *, whole: bool = False) -> tuple[StockItem, ...]:
        """Every product but those in the trash; no variations. `whole` asks for prices and options
        too."""
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        return self._all("/products", params, StockItem)

    def all_variations(self, *, whole: bool = False) -> tuple[StockItem, ...] | None:
        """Every variation; None before WooCommerce 11, which has no list of them all."""
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        try:
            return self._all("/variations", params, StockItem)
        except (NotTheApi, NotFound, BadRequest):
            return None

    def variations_stock(self, product_id: int, *, whole: bool = False) -> tuple[StockItem, ...]:
        """All variations of a product."""
        path = f"/products/{int(product_id)}/variations"
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        return tuple(
            structs.replace(item, parent_id=Whole(product_id), type=Text("variation"))
            for item in self._all(path, params, StockItem)
        )

    def newest_product_modified(self) -> datetime | None:
        """When a product was last changed (UTC), as far as that is not in the shop's future."""
        params = (
            ("orderby", "modified"),
            ("order", "desc"),
            ("per_page", str(PER_PAGE)),
            ("_fields", "id,date_modified_gmt"),
        )
        try:
            rows, _total, as_of = self._dated_rows("/products", params)
        except BadRequest:
            return None  # 8.2 and older cannot sort products by their modification
        read = [self._row("/products", row, StockItem, whole=False) for row in rows]
        items = [item for item in read if item is not None]
        # where all are in its future, some time ago: what there is, is compared after this anyway
        return newest((item.modified for item in items), as_of) or (
            as_of - AN_HOUR if items else None
        )

    def products_changed(self, after: datetime) -> ProductsChanged | None:
        """Products changed after this time (UTC); None where the shop does not know the filter,
        which old versions ignore and answer with everything."""
        moment = after.astimezone(UTC)
        params = (
            ("modified_after", moment.strftime("%Y-%m-%dT%H:%M:%S")),
            ("dates_are_gmt", "true"),
            ("status", "any"),
            ("_fields", STOCK_FIELDS),
            *BY_ID,
        )
        paged = (*params, ("per_page", str(PER_PAGE)))
        rows, total, as_of = self._dated_rows("/products", paged)
        read = (self._row("/products", row, StockItem, whole=False) for row in rows)
        items, is_whole = tuple(item for item in read if item is not None), True
        seconds = moment.replace(microsecond=0)
        if any(item.modified is not None and item.modified < seconds for item in items):
            return None
        if rows and (total is None or len(rows) < total):
            items, is_whole = self._all_of("/products", params, StockItem)
        mark = newest((item.modified for item in items), as_of)
        return ProductsChanged(items, mark, as_of, is_whole)

    def set_stock(self, parent_id: int, quantities: Mapping[int, int]) -> Mapping[int, StockAnswer]:
        """Set the stock of at most a hundred products (`parent_id` 0) or variations of one product.

        WooCommerce checks nothing in a batch, so only whole numbers get here; a quantity that it
        ignored, or an item that it refused, shows in what it answers. Raises `UnknownOutcome` where
        the answer was lost: setting is absolute, and may be done again after a fresh look.
        """
        path = f"/products/{int(parent_id)}/variations/batch" if parent_id else "/products/batch"
        update = [{"id": int(i), "stock_quantity": int(n)} for i, n in quantities.items()]
        body = msgspec.json.encode({"update": update})
        answer = self._http.request("POST", path, body=body)
        rows = answer.data.get("update") if isinstance(answer.data, dict) else None
        if not isinstance(rows, list):
            raise self._http.unknown(f"POST {path}", "the answer holds no list of items")
        answers = [self._one(path, row, StockAnswer) for row in rows]
        return {int(each.id): each for each in answers}

    def statuses_in_use(self) -> tuple[str, ...] | None:
        """The statuses that the shop's orders have now, plugins' own too; None where the shop does
        not tell."""
        try:
            rows, _total = self._rows("/reports/orders/totals", ())
        except (NotTheApi, NotFound, BadRequest, MissingPermission):
            return None
        return tuple(
            str(row["slug"])
            for row in rows
            if isinstance(row, dict) and row.get("slug") and str(row.get("total")) != "0"
        )
