"""Creating something in Katana once, whatever fails: the write-ahead intent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from katana_woo_sync.clients.errors import ServiceError, UnknownOutcome
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.order_rules import CANCELLED, COMPLETED
from katana_woo_sync.ledger.intents import Intent, IntentKind
from katana_woo_sync.sync.context import Context, log
from katana_woo_sync.sync.probed import unknown_wait

T = TypeVar("T")


class StillUnknown(Exception):
    """A create whose answer was lost, and which Katana may still be carrying out.

    Nothing that depends on it is done before `ask_at` (UTC), when Katana is asked.
    """

    def __init__(self, kind: IntentKind, ask_at: datetime) -> None:
        super().__init__(f"what became of a {kind.replace('_', ' ')} is not known yet")
        self.kind = kind
        self.ask_at = ask_at


def ask_at(context: Context, intent: Intent) -> datetime:
    """When, by this machine's clock (UTC), Katana may be asked what became of a create: not before
    it could have finished."""
    return intent.at + _wait(context) - context.katana_ahead


def _wait(context: Context) -> timedelta:
    return unknown_wait(context.ledger, context.settings.katana.unknown_wait)


def intent_key(record: OrderRecord) -> str:
    """The hidden ID: what Katana is asked by for what became of a create."""
    return f"{record.identity}#{record.order_id}"


def is_certain(error: Exception) -> bool:
    """Whether an error of a create says that certainly nothing was created: it was refused, never
    sent, or stopped before it was sent. What the program was not made for says nothing."""
    if isinstance(error, UnknownOutcome):
        return False
    return isinstance(error, (ServiceError, Cancelled))


def create_once(
    context: Context,
    kind: IntentKind,
    key: str,
    *,
    find: Callable[[datetime], T | None],
    create: Callable[[], T],
    record: Callable[[T], None],
    begin: Callable[[], None] = lambda: None,
    undo: Callable[[], None] = lambda: None,
) -> T:
    """Create something in Katana exactly once.

    The intent is committed before the request is sent, in one group of writes with `begin`. It is
    ended in one group with `record`, which keeps what came of it, or with `undo` where Katana
    refuses. An intent that is still open (a crash, a lost answer) is settled by `find`, which asks
    Katana for what the key names; it is given the time at which the create was begun. Raises
    `StillUnknown` while it is too early to ask and where the answer is lost now, and what `create`
    raises.
    """
    ledger = context.ledger
    open_intent = ledger.intents.open(kind, key)
    if open_intent is not None:
        when = ask_at(context, open_intent)
        if context.clock() < when:
            raise StillUnknown(kind, when)
        found = find(open_intent.at)
        if found is not None:
            log.info("Katana: a %s whose answer was lost is there", kind.replace("_", " "))
            with ledger.atomic():
                record(found)
                ledger.intents.end(kind, key)
            return found
    with ledger.atomic():
        ledger.intents.begin(kind, key, context.now_in_katana())
        begin()
    try:
        created = create()
    except Exception as error:
        if not is_certain(error):
            until = context.clock() + _wait(context)
            raise StillUnknown(kind, until) from error
        with ledger.atomic():
            ledger.intents.end(kind, key)
            undo()
        raise
    with ledger.atomic():
        record(created)
        ledger.intents.end(kind, key)
    return created


OF_SALES_ORDERS = (IntentKind.DELIVERY, IntentKind.DELETION, IntentKind.SHIPPING_FEE)
"""What is begun with a sales order, by its id."""

LOOKED_FOR_FIRST = tuple(
    kind for kind in IntentKind if kind not in (IntentKind.SALES_ORDER, *OF_SALES_ORDERS)
)
"""What is looked for in Katana before it is created in any case: an old intent tells no more."""


def forget_old_intents(context: Context) -> None:
    """Drop intents whose outcome an ordinary look-up has shown, or will show, by now; and those of
    what is not wanted any more: deliveries and deletions that came to nothing, where the shop took
    the order back, and all of an order that a person has left alone: `retry` looks before it does
    it again.
    """
    intents = context.ledger.intents
    still_open = intents.all_open()
    if not still_open:
        return
    long_ago = context.now_in_katana() - 2 * _wait(context)
    intents.prune(LOOKED_FOR_FIRST, long_ago)
    for intent in still_open:
        if intent.kind in OF_SALES_ORDERS and intent.at < long_ago:
            orders = context.ledger.orders.by_sales_order([int(intent.key)]).values()
            if all(_is_unwanted(intent.kind, order) for order in orders):
                intents.end(intent.kind, intent.key)


def _is_unwanted(kind: IntentKind, order: OrderRecord) -> bool:
    is_taken_back = False
    if kind is IntentKind.DELIVERY:
        is_taken_back = not order.is_delivered and order.shop_status != COMPLETED
    elif kind is IntentKind.DELETION:
        is_taken_back = order.shop_status != CANCELLED
    return is_taken_back or order.state is State.IGNORED
