"""`probe`: what no documentation promises is tried on the user's own Katana account.

A customer, a service item and a sales order of zero value are created, looked at, and deleted
again (`probe_records.py`): the next probe deletes what a crash has left. Every rule of the sync
passes the order over, by its store's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial

import msgspec
from msgspec import Struct, field

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.clients.http import Exchange
from katana_woo_sync.domain.deliveries import (
    FulfillmentDraft,
    FulfillmentRowDraft,
    rows_to_deliver,
)
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    CustomerDraft,
    RowDraft,
    SalesOrder,
    SalesOrderDraft,
    ServiceDraft,
    ShippingFeeDraft,
    VariantDraft,
)
from katana_woo_sync.domain.probe import (
    DELIVERY,
    FEE,
    FILTERS,
    LIST,
    NUMBER,
    QUESTIONS,
    STORE_NAME,
    Found,
    Step,
    requests_of_others,
    unit_of_reset,
)
from katana_woo_sync.domain.sales_order import katana_time
from katana_woo_sync.ledger.sqlite import time_text
from katana_woo_sync.sync.connect import check_account
from katana_woo_sync.sync.context import Context, StoreProblem, log
from katana_woo_sync.sync.deliveries import (
    INFORMATION_IS_BLANKED,
    SERVICES_DELIVERED_BY_STATUS_NOT,
)
from katana_woo_sync.sync.poll import UNTOLD_AT
from katana_woo_sync.sync.probe_records import (
    CUSTOMER,
    SALES_ORDER,
    SECOND,
    SERVICE,
    TICK,
    UNTIL_SHOWN,
    Left,
    Records,
    delete_it,
    reference,
    shown,
)
from katana_woo_sync.sync.probed import FOUND, found

INFORMATION = "Made by katana-woo-sync probe, which deletes it again. Please leave it alone."
UOM = "pcs"

LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
"""Seconds before each look whether the order is in the list: 3 minutes in all."""

UNTIL_DELIVERED = (2.0, 5.0, 10.0, 20.0, 30.0, 30.0)
"""Seconds before each look whether a status has delivered."""


class Probed(Struct):
    """What came of a probe: what was found, by the questions' names; why other questions have no
    answer; what is left in Katana; and what ended it before its time."""

    found: dict[str, Found] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    error: Exception | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    """Each request and its answer."""


class Place(Struct, frozen=True):
    """What the account has already, and the probe uses: its tax rate (None: Katana's default)."""

    currency: str
    location_id: int
    location: str
    tax_rate_id: int | None
    tax_rate: str


def place(context: Context) -> Place:
    """Where the order would be created. Raises `StoreProblem`, and a `ServiceError`."""
    katana = context.katana
    currency = str(katana.factory().base_currency_code)
    allowed = [each for each in katana.locations() if each.sales_allowed]
    if not allowed:
        raise StoreProblem("Katana has no location that allows sales (Settings, Locations).")
    location = next((each for each in allowed if each.is_primary), allowed[0])
    rates = sorted(katana.tax_rates(), key=lambda rate: (rate.rate, rate.id))
    rate = rates[0] if rates else None
    return Place(
        currency,
        int(location.id),
        str(location.name),
        None if rate is None else int(rate.id),
        "Katana's default" if rate is None else f"{rate.name} ({rate.rate.normalize():f} %)",
    )


def probe(
    context: Context,
    name: str,
    *,
    without: Collection[Step] = (),
    tell: Callable[[str], None] = lambda _what: None,
) -> Probed:
    """Try the account, by records of this name (`probe-` and something random).

    What an earlier probe has left is deleted first. Whatever ends the probe before its time is in
    the result, and what was made is deleted all the same, as far as Katana can be asked.
    """
    run = _Probe(context, name, without, tell)
    context.katana.listen(run.done.exchanges.append)
    try:
        error = last = _error_of(lambda: check_account(context))
        if error is None:  # in another account nothing is looked for, and nothing forgotten
            error, last = _error_of(run.steps), _error_of(run.records.delete_all)
        if last is not None:
            run.records.name_left(str(last) or "it was stopped")
        run.done.error = error or last
        run.done.left = run.records.left
    finally:
        context.katana.listen(lambda _exchange: None)
        run.look_at_answers()
        keep(context, run.done.found)
    return run.done


def _error_of(work: Callable[[], None]) -> Exception | None:
    """What ended the work, if anything did."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (whatever it is, what was made is to be deleted)
        log.debug("the probe ended", exc_info=error)
        return error
    return None


def keep(context: Context, new: Mapping[str, Found]) -> None:
    """Keep what was found, and make it the sync's default until Katana's answers say otherwise.

    The order held a service: how it was delivered says nothing of other items, and what those have
    shown is not changed by it.
    """
    ledger, now = context.ledger, time_text(context.clock()) or ""
    kept = {**found(ledger), **new}
    words = {name: each.found for name, each in new.items()}
    with ledger.atomic():
        ledger.stores.set_meta(FOUND, msgspec.json.encode(kept).decode())
        if "status" in words:
            delivers_not = words["status"] == "changes nothing"
            ledger.stores.set_meta(SERVICES_DELIVERED_BY_STATUS_NOT, now if delivers_not else "")
        if words.get("information") == "empty":
            ledger.stores.set_meta(INFORMATION_IS_BLANKED, now)
        if "no" in (words.get("fulfillment_moves"), words.get("deletion_moves")):
            ledger.stores.set_meta(UNTOLD_AT, now)


class _Probe:
    def __init__(
        self,
        context: Context,
        name: str,
        without: Collection[Step],
        tell: Callable[[str], None],
    ) -> None:
        self._context = context
        self._katana = context.katana
        self._name = name
        self._without = without
        self._tell = tell
        self.records = Records(context, tell)
        self.done = Probed()

    # The steps

    def steps(self) -> None:
        """Every step, from what an earlier probe has left to the order's deletion."""
        self.records.delete_all()
        where = place(self._context)
        self._tell("Creating a customer, a service item and a sales order")
        draft = self._draft(where)
        order = self._create_order(self._name, draft)
        if self._takes(LIST):
            self._list(order)
        if self._takes(FILTERS):
            self._filters(order)
        if self._takes(NUMBER):
            self._number(draft)
        if self._takes(FEE):
            self._fee(order, where)
        if self._takes(DELIVERY):
            self._by_status(order)
            self._by_fulfillment(order)
        self._deletion(order)

    def _takes(self, step: Step) -> bool:
        self._context.go_on()
        if step in self._without:
            self._unanswered("left out", *(q.name for q in QUESTIONS if q.step == step))
            return False
        self._tell(f"Next: {step.does}")
        return True

    def _draft(self, where: Place) -> SalesOrderDraft:
        """The sales order, for a customer and of a service that are created for it."""
        katana, name = self._katana, self._name
        customer = CustomerDraft(name=shown(name), reference_id=reference(name))
        made_for = self.records.create(CUSTOMER, name, lambda: katana.create_customer(customer))
        service = ServiceDraft(
            name=shown(name),
            uom=UOM,
            is_sellable=True,
            variants=(VariantDraft(sku=name, sales_price=Decimal(0)),),
        )
        made = self.records.create(SERVICE, name, lambda: katana.create_service(service))
        if not made.variants:
            raise StoreProblem("Katana created a service without a variant.")
        now = self._context.clock()
        row = RowDraft(
            variant_id=int(made.variants[0].id),
            quantity=Decimal(1),
            price_per_unit=Decimal(0),
            tax_rate_id=where.tax_rate_id,
            location_id=where.location_id,
        )
        return SalesOrderDraft(
            order_no=name,
            customer_id=int(made_for.id),
            location_id=where.location_id,
            currency=where.currency,
            order_created_date=katana_time(now),
            delivery_date=katana_time(now + timedelta(days=14)),
            ecommerce_order_type=WOOCOMMERCE,
            ecommerce_store_name=STORE_NAME,
            ecommerce_order_id=name,
            status="NOT_SHIPPED",
            sales_order_rows=(row,),
            additional_info=INFORMATION,
        )

    def _create_order(self, name: str, draft: SalesOrderDraft) -> SalesOrder:
        return self.records.create(
            SALES_ORDER, name, lambda: self._katana.create_sales_order(draft)
        )

    def _list(self, order: SalesOrder) -> None:
        """How long until the order is in the list: by nothing but its time, as the sync hears of
        new ones."""
        created = self._context.clock()
        since = (utc_time(order.created_at) or created) - timedelta(minutes=5)
        for number, pause in enumerate(LOOKS):
            self._wait(pause)
            if any(each.id == order.id for each in self._katana.newest_sales_orders(since=since)):
                waited = (self._context.clock() - created).total_seconds() if number else 0.0
                words, detail = ("later", f"after {waited:.0f} s") if number else ("at once", "")
                self._found("listed", words, detail, waited)
                return
        self._found("listed", "not within 3 minutes", "", sum(LOOKS))

    def _filters(self, order: SalesOrder) -> None:
        """Whether each filter filters, by a value that no order has; and finds the order."""
        values = {
            "order_type": WOOCOMMERCE,
            "store_name": STORE_NAME,
            "order_id": self._name,
        }
        fitting = [(f"ecommerce_{field}", value) for field, value in values.items()]
        is_there = self._holds(order, fitting)
        for each, value in values.items():
            question, name = f"filter_{each}", f"ecommerce_{each}"
            try:
                others = self._katana.newest_sales_orders(params=[(name, f"none.{self._name}")])
            except BadRequest as error:
                self._unanswered(f"a value that no order has was refused: {error.reason}", question)
                continue
            if others:
                self._found(question, "is ignored")
            elif is_there or self._holds(order, [(name, value)]):
                self._found(question, "filters")
            elif self._is_listed:
                self._found(question, "hides the order")
            else:
                self._unanswered("the order was not in the list yet", question)

    def _holds(self, order: SalesOrder, filters: Sequence[tuple[str, str]]) -> bool:
        """Whether the list with these filters holds the order."""
        listed = self._katana.newest_sales_orders(params=filters)
        return any(each.id == order.id for each in listed)

    @property
    def _is_listed(self) -> bool:
        listed = self.done.found.get("listed")
        return listed is not None and listed.found in ("at once", "later")

    def _number(self, draft: SalesOrderDraft) -> None:
        again = msgspec.structs.replace(draft, ecommerce_order_id=self._name + SECOND)
        try:
            self._create_order(self._name + SECOND, again)
        except BadRequest as error:
            if error.concerns("order_no"):
                self._found("order_number", "refused")
            else:
                self._unanswered(f"refused, but not for its number: {error.reason}", "order_number")
        else:
            self._found("order_number", "taken twice")

    def _fee(self, order: SalesOrder, where: Place) -> None:
        draft = ShippingFeeDraft(
            sales_order_id=int(order.id), amount="0.00", tax_rate_id=where.tax_rate_id
        )
        before = self._updated(order)
        self._wait(TICK)
        try:
            self.records.create_part(
                "fee", int(order.id), lambda: self._katana.create_shipping_fee(draft)
            )
        except BadRequest as error:
            self._unanswered(f"the fee was refused: {error.reason}", "fee_moves")
        else:
            self._found("fee_moves", self._has_moved(order, before))

    def _by_status(self, order: SalesOrder) -> None:
        katana, order_id = self._katana, int(order.id)
        try:
            now = katana.deliver(order_id)
        except BadRequest as error:
            self._found("status", "is refused", error.reason)
            self._unanswered("nothing was delivered", "information")
            return
        asked = self._context.clock()
        for pause in () if now.is_delivered else UNTIL_DELIVERED:
            self._wait(pause)
            if katana.sales_order(order_id).is_delivered:
                break
        waited = (self._context.clock() - asked).total_seconds()
        after = katana.sales_order(order_id)
        if now.is_delivered:
            self._found("status", "delivers")
        elif after.is_delivered:
            self._found("status", "delivers later", f"after {waited:.0f} s", waited)
        elif katana.fulfillments(order_id):
            detail = f"delivered, but still shown as {after.status} after {waited:.0f} s"
            self._found("status", "delivers later", detail, waited)
        else:
            self._found("status", "changes nothing", f"the order is {after.status} still")
        if order.additional_info:
            self._found("information", "as it was" if after.additional_info else "empty")
        else:
            self._unanswered("the order was created without it", "information")

    def _by_fulfillment(self, order: SalesOrder) -> None:
        katana, order_id = self._katana, int(order.id)
        asked = ("service", "fulfillment_moves")
        try:
            for part in katana.fulfillments(order_id):
                delete_it(partial(katana.delete_fulfillment, int(part.id)))
        except BadRequest as error:
            self._unanswered(f"what was delivered stays delivered: {error.reason}", *asked)
            return
        now = katana.sales_order(order_id)
        rows = rows_to_deliver(now, katana.fulfillments(order_id))
        if not rows or now.is_delivered:
            self._unanswered("what was delivered stays delivered", *asked)
            return
        draft = FulfillmentDraft(
            sales_order_id=order_id,
            status="DELIVERED",
            picked_date=katana_time(self._context.clock()),
            sales_order_fulfillment_rows=tuple(
                FulfillmentRowDraft(sales_order_row_id=row.row_id, quantity=row.quantity)
                for row in rows
            ),
        )
        before = self._updated(order)
        self._wait(TICK)
        try:
            self.records.create_part(
                "fulfillment", order_id, lambda: katana.create_fulfillment(draft)
            )
        except BadRequest as error:
            status = self.done.found.get("status")
            if status is not None and status.found == "is refused":
                self._unanswered(f"refused, as the status was: {error.reason}", *asked)
            else:
                self._found("service", "refused", error.reason)
                self._unanswered("the fulfilment was refused", "fulfillment_moves")
        else:
            self._found("service", "taken")
            self._found("fulfillment_moves", self._has_moved(order, before))

    def _deletion(self, order: SalesOrder) -> None:
        """Delete the order, its fulfilments first, and see whether the list tells of it."""
        self._tell("Deleting the order")
        try:
            before = self.records.delete_order(int(order.id))
        except BadRequest as error:
            self._unanswered(f"the order was not deleted: {error.reason}", "deletion_moves")
            return
        is_there = False
        for pause in UNTIL_SHOWN:
            self._wait(pause)
            for now in self._katana.sales_orders(order_no=self._name):
                if now.id == order.id and now.is_deleted:
                    is_there = True
                    if str(now.updated_at) != before:
                        self._found("deletion_moves", "yes")
                        return
        if is_there:
            self._found("deletion_moves", "no")
        else:
            self._unanswered("no list holds the deleted order", "deletion_moves")

    def look_at_answers(self) -> None:
        """What the answers to all requests tell beside what they were asked."""
        answered = [each for each in self.done.exchanges if each.status]
        deletions = [e for e in answered if e.method == "DELETE" and e.status < 300]
        if deletions:
            one = deletions[0]
            body = "with a body" if one.content.strip() else "without a body"
            self._found("deletion_answer", f"{one.status} {body}")
        resets = (each.headers.get("X-Ratelimit-Reset", "") for each in answered)
        unit = unit_of_reset(next(filter(None, resets), ""))
        limit = next((e.headers.get("X-Ratelimit-Limit") for e in reversed(answered)), None)
        if unit:
            self._found("reset", unit, f"{limit} requests a minute" if limit else "")
        others = requests_of_others(
            [each.headers.get("X-Ratelimit-Remaining", "") for each in self.done.exchanges]
        )
        if others is not None:
            detail = f"{others} requests of others beside {len(answered)} of the probe"
            words = "somebody else" if others else "nobody else"
            self._found("quota", words, detail if others else "", others)
        for question in QUESTIONS:
            if question.name not in self.done.found:
                self.done.unanswered.setdefault(question.name, "it did not come to that")

    def _updated(self, order: SalesOrder) -> str:
        return str(self._katana.sales_order(int(order.id)).updated_at)

    def _has_moved(self, order: SalesOrder, before: str) -> str:
        for pause in UNTIL_SHOWN:
            self._wait(pause)
            if self._updated(order) != before:
                return "yes"
        return "no"

    def _wait(self, seconds: float) -> None:
        self._context.go_on()
        if seconds:
            self._context.wait(seconds)
            self._context.go_on()

    def _found(self, name: str, words: str, detail: str = "", amount: float = 0.0) -> None:
        self.done.found[name] = Found(words, self._context.clock(), detail, amount)

    def _unanswered(self, why: str, *names: str) -> None:
        self.done.unanswered |= dict.fromkeys(names, why)
