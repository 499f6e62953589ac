"""What `probe` creates in Katana: the ledger names it before, and it is deleted again, by this
probe or by the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NotFound, UnknownOutcome
from katana_woo_sync.domain.probe import STORE_NAME
from katana_woo_sync.domain.shop_notes import KATANA_LINK
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.create_once import create_once
from katana_woo_sync.sync.probed import Begun, keep_left, left, unknown_wait


class Made(Protocol):
    """What was created."""

    @property
    def id(self) -> int: ...


M = TypeVar("M", bound=Made)

TICK = 1.1
"""Seconds between a look and a change, so that the change has another time."""

UNTIL_SHOWN = (0.0, 2.0, 5.0)
"""Seconds before each look whether a change shows."""

SECOND = "-2"
"""What the id of the order with a number that is taken ends in."""

SALES_ORDER, SERVICE, CUSTOMER = "sales_order", "service", "customer"
DELETED_IN_TURN = (SALES_ORDER, SERVICE, CUSTOMER)

KATANA = "https://factory.katanamrp.com/"

IN_KATANA = {
    SALES_ORDER: KATANA_LINK,
    SERVICE: KATANA,
    CUSTOMER: f"{KATANA}contacts/customers/{{}}",
}
"""Where a person finds it."""

WHAT_TO_PRESS = {
    SALES_ORDER: "set it back to Not shipped, then press ⋮ (at the top right) and Delete",
    SERVICE: "choose Items, Services, this one, then press ⋮ (at the top right) and Delete",
    CUSTOMER: "press ⋮ (at the top right) and Delete",
}


class Left(Struct, frozen=True):
    """What Katana did not delete: its name there, its id (0 where that is unknown), and why."""

    kind: str
    name: str
    id: int
    why: str

    @property
    def link(self) -> str:
        """Where a person finds it."""
        return IN_KATANA[self.kind].format(self.id) if self.id else KATANA

    @property
    def what_to_press(self) -> str:
        """How a person deletes it."""
        search = "" if self.id else "search for its name, "
        return search + WHAT_TO_PRESS[self.kind]


class Records:
    """The records of this probe, and of earlier ones that were interrupted."""

    def __init__(self, context: Context, tell: Callable[[str], None]) -> None:
        self._context = context
        self._katana = context.katana
        self._tell = tell
        self.left: list[Left] = []
        """What Katana did not delete when it was last tried."""

    def create(self, kind: str, name: str, create: Callable[[], M]) -> M:
        """Create a record that the ledger names before, until it is deleted. Raises `StillUnknown`,
        and what `create` raises."""
        key, context = f"{kind} {name}", self._context
        context.go_on()
        begun = Begun(context.clock())

        def keep(what: Begun) -> None:
            keep_left(context.ledger, {**left(context.ledger), key: what})

        return create_once(
            context,
            IntentKind.PROBE,
            key,
            find=lambda _begun: None,
            create=create,
            record=lambda made: keep(replace(begun, id=int(made.id))),
            begin=lambda: keep(begun),
            undo=lambda: self._forget(key),
        )

    def create_part(self, kind: str, sales_order_id: int, create: Callable[[], Made]) -> None:
        """Create what is deleted with the sales order."""
        create_once(
            self._context,
            IntentKind.PROBE,
            f"{kind} {sales_order_id}",
            find=lambda _begun: None,
            create=create,
            record=lambda _made: None,
        )

    def delete_all(self) -> None:
        """Delete all that this probe or an earlier one has created; `left` says what Katana did not
        delete. Raises a `ServiceError`, `Stopped` and `Cancelled`."""
        self.left.clear()
        things = sorted(left(self._context.ledger), key=_turn)
        if things:
            self._tell("Deleting what is left")
        for key in things:
            kind, _, name = key.partition(" ")
            not_deleted = [self._delete_one(kind, name, each) for each in self._ids(kind, name)]
            reasons = [each for each in not_deleted if each is not None]
            if reasons:
                self.left += reasons
            else:
                self._forget(key)
        if not left(self._context.ledger):
            self._end_intents()

    def name_left(self, why: str) -> None:
        """Have `left` name all that may still be there, and could not be asked for."""
        named = {(each.kind, each.name) for each in self.left}
        things = left(self._context.ledger)
        for key in sorted(things, key=_turn):
            kind, _, name = key.partition(" ")
            if (kind, name) not in named:
                self.left.append(Left(kind, name, things[key].id, why))

    def delete_order(self, sales_order_id: int) -> str | None:
        """Delete a sales order, its fulfilments and its fees first. Returns its `updated_at` from
        right before; None where it was deleted already. Raises a `ServiceError`."""
        katana = self._katana
        try:
            now = katana.sales_order(sales_order_id)
        except NotFound:
            return None
        if now.is_deleted:
            return None
        parts = katana.fulfillments(sales_order_id)
        fees = katana.shipping_fees(sales_order_id)
        for delete in (
            *(partial(katana.delete_fulfillment, int(part.id)) for part in parts),
            *(partial(katana.delete_shipping_fee, int(fee.id)) for fee in fees),
        ):
            with suppress(BadRequest):  # whether the order itself is deleted is what counts
                delete_it(delete)
        before = str(katana.sales_order(sales_order_id).updated_at)
        self._context.wait(TICK)
        delete_it(partial(katana.delete_sales_order, sales_order_id))
        return before

    def _ids(self, kind: str, name: str) -> Sequence[int]:
        """The ids of what has this name and is not deleted. Where no answer told of one and none is
        found, Katana may be about to create it still: that is waited for, as after a lost answer.
        """
        context = self._context
        begun = left(context.ledger)[f"{kind} {name}"]
        if begun.id:
            return (begun.id,)
        there = self._look_up(kind, name)
        until = begun.at + unknown_wait(context.ledger, context.settings.katana.unknown_wait)
        if not there and context.clock() < until:
            seconds = (until - context.clock()).total_seconds()
            what = kind.replace("_", " ")
            self._tell(f"Waiting {seconds:.0f} s: Katana may be creating a {what} still")
            while (seconds := (until - context.clock()).total_seconds()) > 0:
                context.go_on()
                context.wait(seconds)
            context.go_on()
            there = self._look_up(kind, name)
        return [each for each, is_deleted in there if not is_deleted]

    def _look_up(self, kind: str, name: str) -> list[tuple[int, bool]]:
        """The ids of what has this name, and whether it is deleted."""
        katana = self._katana
        if kind == CUSTOMER:
            customers = katana.customers(reference(name), include_deleted=True)
            return [(int(each.id), bool(each.deleted_at)) for each in customers]
        if kind == SERVICE:
            services = katana.services(shown(name), include_deleted=True)
            return [(int(each.id), bool(each.deleted_at)) for each in services]
        orders = katana.sales_orders(order_no=name.removesuffix(SECOND))
        return [
            (int(each.id), each.is_deleted)
            for each in orders
            if each.ecommerce_store_name == STORE_NAME and each.ecommerce_order_id == name
        ]

    def _delete_one(self, kind: str, name: str, each: int) -> Left | None:
        """What Katana did not delete, or None."""
        katana = self._katana
        try:
            if kind == SALES_ORDER:
                self.delete_order(each)
            elif kind == SERVICE:
                delete_it(partial(katana.delete_service, each))
            else:
                delete_it(partial(katana.delete_customer, each))
        except BadRequest as error:
            return Left(kind, name, each, error.reason)
        # not every answer to a deletion says whether it was done
        for pause in UNTIL_SHOWN:
            if pause:
                self._context.wait(pause)
            if self._is_gone(kind, name, each):
                return None
        return Left(kind, name, each, "it is still there after its deletion")

    def _is_gone(self, kind: str, name: str, each: int) -> bool:
        if kind == SALES_ORDER:
            try:
                return self._katana.sales_order(each).is_deleted
            except NotFound:
                return True
        return all(is_deleted for one, is_deleted in self._look_up(kind, name) if one == each)

    def _forget(self, key: str) -> None:
        ledger = self._context.ledger
        with ledger.atomic():
            keep_left(ledger, {k: begun for k, begun in left(ledger).items() if k != key})
            ledger.intents.end(IntentKind.PROBE, key)

    def _end_intents(self) -> None:
        """Of what went with the orders: nothing is left that it could belong to."""
        intents = self._context.ledger.intents
        for intent in intents.all_open():
            if intent.kind is IntentKind.PROBE:
                intents.end(intent.kind, intent.key)


def delete_it(delete: Callable[[], None]) -> None:
    """Delete something, unless it is gone already. Whether it was deleted is seen by looking: not
    every answer says. Raises a `ServiceError`."""
    with suppress(NotFound, UnknownOutcome):
        delete()


def shown(name: str) -> str:
    """The name of a customer and of a service, as people see it in Katana."""
    return f"katana-woo-sync {name}"


def reference(name: str) -> str:
    """The `reference_id` of the customer."""
    return f"{STORE_NAME}#{name}"


def _turn(key: str) -> tuple[int, str]:
    """What is deleted first: a customer and a service that an order holds may be refused."""
    return DELETED_IN_TURN.index(key.partition(" ")[0]), key
