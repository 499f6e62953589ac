"""Orders: what a store keeps of them, their routes and notes, and what people do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import (
    ApiError,
    Call,
    answer,
    batch_items,
    body_of,
    route,
    single,
)
from katana_woo_sync.sandbox.woocommerce.customers import (
    ADDRESS_FIELDS,
    Address,
    changed_address,
    show_address,
)
from katana_woo_sync.sandbox.woocommerce.lines import (
    CouponLine,
    Line,
    Meta,
    TaxLine,
    show_coupon,
    shown_lines,
)
from katana_woo_sync.sandbox.woocommerce.parameters import (
    BadParameters,
    Checked,
    Page,
    Query,
    not_one_of,
)
from katana_woo_sync.sandbox.woocommerce.products import add_stock, stock_holder
from katana_woo_sync.sandbox.woocommerce.refunds import Part, Refund, made, show_summary
from katana_woo_sync.sandbox.woocommerce.resource import Json, View, field, put_fields, shown
from katana_woo_sync.sandbox.woocommerce.state import Controls, StoreState
from katana_woo_sync.sandbox.woocommerce.totals import Totals

STOCK_TAKING = frozenset({"processing", "completed", "on-hold"})
"""Statuses in which an order takes its goods from the shop's stock."""
EDITABLE = frozenset({"pending", "on-hold", "auto-draft", "checkout-draft"})
PAYABLE = frozenset({"pending", "failed"})
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "SEK": "kr", "CHF": "CHF", "PLN": "zł"}
INVALID_ID = "woocommerce_rest_shop_order_invalid_id"
ORDERS_BY = ("date", "id", "include", "title", "slug", "modified")
NAMES_OF_STATUSES = {
    "pending": "Pending payment",
    "on-hold": "On hold",
    "checkout-draft": "Draft",
}


@dataclass(frozen=True)
class Note:
    """A note on an order; `customer_note` was mailed to the customer."""

    id: int
    note: str
    created: datetime = field(name="date_created")
    author: str = "WooCommerce"
    customer_note: bool = False


@dataclass(frozen=True)
class Mail:
    """The mails that a change of status sent."""

    order_id: int
    before: str
    after: str


def _meta_data(order: Order, _view: View) -> list[Json]:
    return [{"id": entry[0], "key": key, "value": entry[1]} for key, entry in order.meta.items()]


def _payment_url(order: Order, view: View) -> str:
    pay = f"{view.url}/checkout/order-pay/{order.id}/"
    return f"{pay}?pay_for_order=true&key={order.order_key}"


@dataclass(kw_only=True)
class Order:
    """An order as the store keeps it. Its fields stand in the order in which they are answered."""

    id: int
    parent_id: int = 0
    status: str
    currency: str
    version: str = field(stored=False, show=lambda _order, view: view.version)
    prices_include_tax: bool
    created: datetime = field(name="date_created")
    modified: datetime = field(name="date_modified")
    totals: Totals = field(spread=lambda order, view: shown(order.totals, view))
    customer_id: int = 0
    order_key: str
    billing: Address = field(show=lambda order, _view: show_address(order.billing, email=True))
    shipping: Address = field(show=lambda order, _view: show_address(order.shipping, email=False))
    payment_method: str = field(default="bacs", put=True)
    payment_method_title: str = field(default="Direct bank transfer", put=True)
    transaction_id: str = field(default="", put=True)
    customer_ip_address: str = field(stored=False, default="")
    customer_user_agent: str = field(stored=False, default="")
    created_via: str = "checkout"
    customer_note: str = field(default="", put=True)
    completed: datetime | None = field(default=None, name="date_completed")
    paid: datetime | None = field(default=None, name="date_paid")
    cart_hash: str = field(stored=False, default="")
    number: str
    meta: dict[str, tuple[int, object]] = field(factory=dict, name="meta_data", show=_meta_data)
    lines: list[Line] = field(
        spread=lambda order, view: shown_lines(order.lines, order.tax_lines, view)
    )
    tax_lines: list[TaxLine] = field(shown=False)
    coupon_lines: list[CouponLine] = field(
        show=lambda order, view: [show_coupon(line, view) for line in order.coupon_lines]
    )
    refunds: list[Refund] = field(
        factory=list,
        show=lambda order, view: [show_summary(refund, view) for refund in order.refunds],
    )
    """The newest comes first."""
    payment_url: str = field(stored=False, show=_payment_url)
    is_editable: bool = field(stored=False, show=lambda order, _view: order.status in EDITABLE)
    needs_payment: bool = field(
        stored=False, show=lambda order, _view: order.status in PAYABLE and order.totals.total > 0
    )
    needs_processing: bool = True
    lost_gmt: bool = field(default=False, shown=False)
    """Whether the time of its creation was left without GMT, as some migrations do."""
    notes: list[Note] = field(factory=list, shown=False)
    status_before_trash: str = field(default="", shown=False)
    plugin_fields: dict[str, object] = field(factory=dict, shown=False)

    @property
    def refundable(self) -> Decimal:
        """What is not refunded yet, with tax."""
        return self.totals.total - sum((r.amount for r in self.refunds), Decimal(0))


IN_SCREENS = frozenset(
    [
        "status",
        "billing",
        "shipping",
        "currency",
        "customer_note",
        "customer_id",
        "number",
        "created",
        "modified",
        "completed",
        "paid",
        "needs_processing",
        "payment_method_title",
        "order_key",
        "lost_gmt",
    ]
)
"""The fields of an order that people edit."""


def show(order: Order, view: View) -> Json:
    """An order. Its lines' SKUs are looked up now, not kept with it; times in GMT come last."""
    answer = shown(order, view)
    times = {name: answer.pop(name) for name in [*answer] if name.endswith("_gmt")}
    if order.lost_gmt:
        times["date_created_gmt"] = None
    answer.update(times)
    answer["currency_symbol"] = SYMBOLS.get(order.currency, order.currency)
    answer.update(order.plugin_fields)
    answer["_links"] = _links(order, view)
    return answer


def _links(order: Order, view: View) -> Json:
    links = view.links("orders", str(order.id))
    if view.is_new:
        href = f"{view.api}/orders/{order.id}/actions/email_templates"
        links["email_templates"] = [{"embeddable": True, "href": href}]
    if order.customer_id:
        links["customer"] = [{"href": f"{view.api}/customers/{order.customer_id}"}]
    return links


def show_note(note: Note, order: Order, view: View) -> Json:
    """An order note."""
    path = ("orders", str(order.id), "notes", str(note.id))
    return {
        **shown(note, view),
        "_links": view.links(*path, up=f"orders/{order.id}", allow=("GET", "DELETE")),
    }


def name_of_status(status: str) -> str:
    """A status as the shop's screens show it."""
    return NAMES_OF_STATUSES.get(status, status.replace("-", " ").capitalize())


def put(state: StoreState, order: Order, body: Mapping[str, object]) -> None:
    """Change an order as a PUT does: on order tables even an empty one counts as a change."""
    changed = _put_fields(state, order, body)
    status = body.get("status")
    if isinstance(status, str):
        changed |= change_status(state, order, status)
    elif body.get("set_paid") is True and order.status in ("pending", "on-hold", "failed"):
        changed |= change_status(state, order, "processing")
    if state.hpos or changed:
        order.modified = state.clock()


def _put_fields(state: StoreState, order: Order, body: Mapping[str, object]) -> bool:
    """Set fields; tells whether legacy storage takes that for a change of the order."""
    before = order.customer_note
    for name in put_fields(Order):
        value = body.get(name)
        if isinstance(value, str):
            setattr(order, name, value)
    order.billing = changed_address(order.billing, body.get("billing"))
    order.shipping = changed_address(order.shipping, body.get("shipping"))
    entries = body.get("meta_data")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("key"), str):
            set_meta(state, order, entry["key"], entry.get("value"))
    return order.customer_note != before


def set_meta(state: StoreState, order: Order, key: str, value: object) -> None:
    """Set a meta entry. Those that WooCommerce itself uses for the addresses (`_billing_email`)
    are written there."""
    for prefix in ("billing", "shipping"):
        name = key.removeprefix(f"_{prefix}_")
        if key.startswith(f"_{prefix}_") and name in ADDRESS_FIELDS:
            address = changed_address(getattr(order, prefix), {name: value})
            setattr(order, prefix, address)
            return
    known = order.meta.get(key)
    order.meta[key] = (known[0] if known else state.next_meta(), value)


def change_status(state: StoreState, order: Order, status: str) -> bool:
    """Set a status and send the mails, if it is another. Returns whether it was."""
    if order.status == status:
        return False
    before, order.status = order.status, status
    now = order.modified = state.clock()
    state.mails.append(Mail(order.id, before, status))
    text = f"Order status changed from {name_of_status(before)} to {name_of_status(status)}."
    add_note(state, order, text)
    if status == "completed":
        order.completed = now
    if status in ("processing", "completed") and order.paid is None:
        order.paid = now
    if status == "refunded" and order.refundable > 0:
        whole = Refund(
            state.next_post(),
            order.refundable,
            now,
            (),
            (),
            "Order fully refunded.",
            state.next_meta(),
            whole=True,
        )
        order.refunds.insert(0, whole)
    move_stock(state, order)
    return True


def add_note(
    state: StoreState,
    order: Order,
    text: str,
    *,
    author: str = "WooCommerce",
    to_customer: bool = False,
) -> Note:
    """Note something on an order; that moves no modification time."""
    state.last_note += 1
    note = Note(state.last_note, text, state.clock(), author, to_customer)
    order.notes.append(note)
    return note


def move_stock(state: StoreState, order: Order) -> None:
    """Take the order's goods from stock, or give back those of a cancelled one. Other
    statuses, trash and deletion change nothing."""
    if order.status in STOCK_TAKING:
        for line in order.lines:
            holder = stock_holder(state, line.variation_id or line.product_id)
            taken = any(meta.key == "_reduced_stock" for meta in line.meta)
            if line.kind == "item" and holder is not None and not taken:
                quantity = f"{line.quantity.normalize():f}"
                entry = Meta(state.next_meta(), "_reduced_stock", quantity, "_reduced_stock")
                line.meta.append(entry)
                add_stock(state, holder, -line.quantity)
    elif order.status in ("cancelled", "pending"):
        for line in order.lines:
            holder = stock_holder(state, line.variation_id or line.product_id)
            for meta in [meta for meta in line.meta if meta.key == "_reduced_stock"]:
                line.meta.remove(meta)
                if holder is not None:
                    add_stock(state, holder, Decimal(str(meta.value)))


def _searched(order: Order) -> str:
    """Where a search looks: the id, the addresses, and the names of the lines, as WooCommerce's
    own does."""
    both = (order.billing, order.shipping)
    address = [str(value) for each in both for value in vars(each).values()]
    return "\n".join([str(order.id), *address, *(line.name for line in order.lines)]).lower()


def _found(state: StoreState, query: Query) -> tuple[list[Order], int, Page]:
    """The orders that a request asks for, and how many the server says there are in all. Raises
    `BadParameters`."""
    checked = Checked(query)
    page = checked.page(state)
    include = checked.ids("include")
    exclude = checked.ids("exclude")
    after = checked.moment("after", state.offset)
    before = checked.moment("before", state.offset)
    changed_after = checked.moment("modified_after", state.offset)
    changed_before = checked.moment("modified_before", state.offset)
    order = checked.one_of("order", ("asc", "desc"), "desc")
    by = checked.one_of("orderby", ORDERS_BY, "date")
    wanted = checked.statuses(state.statuses)
    customer = checked.whole("customer", -1)
    parents = checked.ids("parent")
    search = (checked.last("search") or "").strip().lower()
    checked.check()
    matching = [
        found
        for found in state.orders.values()
        if (found.status != "trash" if wanted is None else found.status in wanted)
        and (not include or found.id in include)
        and found.id not in exclude
        and customer in (-1, found.customer_id)
        and (not parents or found.parent_id in parents)
        and search in _searched(found)
        and _between(found.created, after, before)
        and _between(found.modified, changed_after, changed_before)
    ]
    matching = _sorted(matching, by, page, state, descending=order == "desc")
    rows = matching[page.start : page.start + page.per_page]
    rows = [row for row in rows if row.id not in state.held_back]
    # order tables say so of a page past the end
    total = 0 if state.hpos and page.start >= len(matching) else len(matching)
    return rows, total, page


def _between(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    """Both bounds are exclusive, in whole seconds."""
    if after is None and before is None:
        return True
    second = at.replace(microsecond=0)
    return (after is None or second > after) and (before is None or second < before)


SORTS: Mapping[str, Callable[[Order], tuple[object, ...]]] = {
    "date": lambda order: (order.created.replace(microsecond=0), order.id),
    "modified": lambda order: (order.modified.replace(microsecond=0), order.id),
}


def _sorted(
    orders: list[Order], by: str, page: Page, state: StoreState, *, descending: bool
) -> list[Order]:
    if by == "modified" and not state.is_at_least(10, 4):
        # Nothing breaks a tie between orders of one second: each page has them in another order.
        salt = page.start * 7919 + page.per_page
        orders = sorted(orders, key=lambda o: (o.id * 2_654_435_761 + salt * 40_503) % 1_000_003)
        return sorted(orders, key=lambda o: o.modified.replace(microsecond=0), reverse=descending)
    key = SORTS.get(by, lambda order: (order.id,))
    return sorted(orders, key=key, reverse=descending)


@route("GET", r"/orders")
def list_orders(call: Call) -> Response:
    """GET /orders."""
    hooks = call.app.before_list
    if hooks:
        hooks.pop(0)()
    if call.app.on_list is not None:
        call.app.on_list()
    with call.state.lock:
        found, total, page = _found(call.state, call.query)
        _break(call, (order.id for order in found))
        return call.page_of([show(order, call.view) for order in found], total, page)


@route("GET", r"/orders/(?P<id>\d+)")
def get_order(call: Call) -> Response:
    """GET /orders/{id}: one in the trash answers too."""
    with call.state.lock:
        order = call.order("Invalid ID.", INVALID_ID)
        _break(call, [order.id])
        return call.single(show(order, call.view))


def _break(call: Call, order_ids: Iterable[int]) -> None:
    """Fail as PHP does when a plugin's code dies on one of the orders."""
    if call.app.broken_orders.intersection(order_ids):
        message = "There has been a critical error on this website."
        raise ApiError(500, "internal_server_error", message)


def _unknown_to_write(state: StoreState) -> ApiError:
    """What writing to an unknown order gets: a 400."""
    return ApiError(400, INVALID_ID, "ID is invalid." if state.is_at_least(10) else "Invalid ID.")


@route("PUT PATCH POST", r"/orders/(?P<id>\d+)")
def put_order(call: Call) -> Response:
    """PUT /orders/{id}."""
    body = body_of(call.request)
    with call.state.lock:
        status = body.get("status")
        if status is not None and status not in call.state.statuses:
            wrong = not_one_of("status", call.state.statuses)
            raise BadParameters({"status": wrong})
        order = call.state.orders.get(call.id())
        if order is None:
            raise _unknown_to_write(call.state)
        put(call.state, order, body)
        return single(show(order, call.view), call.request)


@route("DELETE", r"/orders/(?P<id>\d+)")
def delete_order(call: Call) -> Response:
    """DELETE /orders/{id}: to the trash, with `force` for good."""
    with call.state.lock:
        order = call.order("Invalid ID.", INVALID_ID)
        if call.query.get("force") == "true":
            del call.state.orders[order.id]
        elif order.status != "trash":
            order.status_before_trash, order.status = order.status, "trash"
            order.modified = call.state.clock()
        return single(show(order, call.view), call.request)


@route("POST", r"/orders/batch")
def batch_orders(call: Call) -> Response:
    """POST /orders/batch checks nothing in its items: an unknown status becomes pending."""
    items = batch_items(call)
    if "create" in items:
        message = "This sandbox places orders by its own methods only."
        raise ApiError(501, "sandbox_cannot_create", message)
    with call.state.lock:
        done: dict[str, list[Json]] = {}
        for name, rows in items.items():
            one = _update_one if name == "update" else _delete_one
            done[name] = [one(call, row) for row in rows]
        return answer(done)


def _update_one(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    order_id = body.get("id")
    order = call.state.orders.get(order_id) if isinstance(order_id, int) else None
    if order is None:
        return {"id": order_id, "error": _unknown_to_write(call.state).body()}
    status = body.get("status")
    if status is not None and status not in call.state.statuses:
        body = {**body, "status": "pending"}
    put(call.state, order, body)
    return show(order, call.view)


def _delete_one(call: Call, order_id: object) -> Json:
    order = call.state.orders.get(order_id) if isinstance(order_id, int) else None
    if order is None:
        problem = ApiError(404, INVALID_ID, "Invalid ID.")
        return {"id": order_id, "error": problem.body()}
    del call.state.orders[order.id]  # a batch deletes for good
    return show(order, call.view)


@route("GET", r"/orders/(?P<id>\d+)/notes")
def list_notes(call: Call) -> Response:
    """GET /orders/{id}/notes, newest first."""
    with call.state.lock:
        order = call.order("Invalid order ID.", "woocommerce_rest_order_invalid_id")
        notes = sorted(order.notes, key=lambda note: note.id)
        notes.sort(key=lambda note: note.created.replace(microsecond=0), reverse=True)
        return answer([show_note(note, order, call.view) for note in notes])


@route("POST", r"/orders/(?P<id>\d+)/notes")
def post_note(call: Call) -> Response:
    """POST /orders/{id}/notes."""
    body = body_of(call.request)
    text = body.get("note")
    if not isinstance(text, str):
        message = "Missing parameter(s): note"
        raise ApiError(400, "rest_missing_callback_param", message, params=["note"])
    with call.state.lock:
        order = call.order("Invalid order ID.", "woocommerce_rest_order_invalid_id")
        mailed = body.get("customer_note") is True
        note = add_note(call.state, order, text, author="admin", to_customer=mailed)
        return answer(show_note(note, order, call.view), 201)


class OrderControls(Controls):
    """What people and plugins do to orders."""

    def order(self, order_id: int) -> Json:
        """An order as the API shows it, with the store's decimals."""
        with self.state.lock:
            view = self._view()
            return show(self.state.orders[order_id], view)

    def orders(self) -> list[int]:
        """The ids of all orders, those in the trash too."""
        with self.state.lock:
            return [*self.state.orders]

    def notes(self, order_id: int) -> list[Json]:
        """An order's notes as the API shows them, oldest first."""
        with self.state.lock:
            view = self._view()
            order = self.state.orders[order_id]
            return [show_note(note, order, view) for note in order.notes]

    def set_status(self, order_id: int, status: str) -> None:
        """Change an order's status in the shop's screens, which sends mails."""
        with self.state.lock:
            change_status(self.state, self.state.orders[order_id], status)

    def edit_order(self, order_id: int, **changes: object) -> None:
        """Change fields of an order in the shop's screens, by the names of `Order`.

        A status set here sends no mail, as when a plugin writes it. The modification time moves,
        unless it is given as `modified`. Raises `AttributeError` for a field that cannot be edited.
        """
        with self.state.lock:
            order = self.state.orders[order_id]
            for name, value in changes.items():
                if name not in IN_SCREENS:
                    raise AttributeError(f"an order's {name} is not edited so")
                setattr(order, name, value)
            if "modified" not in changes:
                order.modified = self.state.clock()

    def set_meta(self, order_id: int, key: str, value: object) -> None:
        """Set a meta entry of an order, as plugins do; its modification time stays."""
        with self.state.lock:
            set_meta(self.state, self.state.orders[order_id], key, value)

    def set_plugin_field(self, order_id: int, name: str, value: object) -> None:
        """Give an order a field of a plugin's own in the API, such as `gift_cards`."""
        with self.state.lock:
            self.state.orders[order_id].plugin_fields[name] = value

    def rewrite_percentages(self, percents: Mapping[int, Decimal | int]) -> None:
        """Have the orders show these percentages of their tax rates, by the rates' ids: WooCommerce
        writes today's into old orders when they are saved, and 0 for a rate that is gone."""
        with self.state.lock:
            self.state.percent_today.update({i: Decimal(p) for i, p in percents.items()})

    def refund(
        self,
        order_id: int,
        amount: Decimal | str | None = None,
        *,
        lines: Mapping[int, int | Decimal | tuple[int | Decimal, Decimal | None]] | None = None,
        reason: str = "",
        listed: Literal["whole", "positive", "error", "missing"] = "whole",
    ) -> int:
        """Refund an amount (with tax), or lines: {line id: quantity} with the quantity's share of
        the money, or {line id: (quantity, money with tax)}. Returns the refund's id.

        Neither refunds all that is left; that makes the order refunded. Stock stays. `listed` is
        how the order's list of refunds shows it. Raises `ValueError` for more than is left.
        """
        parts = {}
        for line_id, given in (lines or {}).items():
            quantity, money = given if isinstance(given, tuple) else (given, None)
            parts[line_id] = Part(Decimal(quantity), money)
        with self.state.lock:
            order = self.state.orders[order_id]
            due = None if amount is None else Decimal(amount)
            if due is None and not parts:
                due = order.refundable
            refund = replace(made(self.state, order, parts, due, reason), listed=listed)
            order.refunds.insert(0, refund)
            order.modified = self.state.clock()
            if refund.whole:
                change_status(self.state, order, "refunded")
            return refund.id

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        """Delete a refund; no modification time moves."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.refunds[:] = [kept for kept in order.refunds if kept.id != refund_id]

    def trash(self, order_id: int) -> None:
        """Move an order to the trash; its stock stays taken."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.status_before_trash, order.status = order.status, "trash"
            order.modified = self.state.clock()

    def restore(self, order_id: int) -> None:
        """Take an order out of the trash."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.status = order.status_before_trash
            order.modified = self.state.clock()

    def delete_order(self, order_id: int) -> None:
        """Delete an order for good."""
        with self.state.lock:
            del self.state.orders[order_id]

    def add_status(self, status: str) -> None:
        """Know a plugin's order status, such as "shipped"."""
        with self.state.lock:
            self.state.statuses.append(status)

    def remove_status(self, status: str) -> None:
        """Forget a plugin's status; filters that name it fail from then on."""
        with self.state.lock:
            self.state.statuses.remove(status)

    def _view(self) -> View:
        return View(self.state, "http://127.0.0.1" + self.state.path)
