"""What must hold of what a run reports, as it ends."""

from __future__ import annotations

from collections import Counter

from katana_woo_sync.sync.report import Report, StoreReport
from tests.simulation.at_each_request import IN_THE_WAY
from tests.simulation.life import STORES, Broken, Life, hold
from tests.simulation.network import QUOTA_USED_UP
from tests.simulation.scheduler import Process

FORGETFUL = ("restore", "lose_the_ledger", "rebuild_ledger", "clock_ahead_for_a_while")
"""Steps after which the program may not know what it has sent in the last minute."""


def look_at_report(life: Life, process: Process, report: Report) -> None:
    """What a run says it has done, and how it ends. Raises `Broken`."""
    if report.problems and not report.exit_code:
        why = [f"{each.store} order {each.order_number} {each.reason}" for each in report.problems]
        raise Broken(f"P23 it ends with 0 and has problems: {why}")
    text = str(report.to_json())
    if "unexpected:" in text or "'unexpected'" in text:
        raise Broken(f"P12 the program has no word for it: {text}")
    went_wrong = life.network.occurred.keys() - {QUOTA_USED_UP}
    if went_wrong or report.dry_run or any(life.occurred[name] for name in IN_THE_WAY):
        return
    _counts_are_right(life, process, report)
    if life.is_alone and not any(life.occurred[name] for name in FORGETFUL):
        hold(25, not life.network.occurred[QUOTA_USED_UP], "Katana was asked more than it allows")


def _sales_order_of(life: Life, path: str) -> int:
    """The sales order that a path names, or whose fulfilment it names."""
    resource, _slash, last = path.rpartition("/")
    if resource.endswith("/sales_orders"):
        return int(last)
    part = life.world.katana._state.fulfillments.get(int(last))
    return 0 if part is None else part.sales_order_id


def _counts_are_right(life: Life, process: Process, report: Report) -> None:
    """As long as nothing has gone wrong, what is counted is what was done."""
    done: Counter[tuple[str, str]] = Counter()
    delivered = set()
    for each in process.did:
        if each.method == "POST" and each.path.endswith("/sales_orders"):
            done[life.names[each.sent["ecommerce_store_name"]], "imported"] += 1
        elif each.method == "POST" and each.path.endswith("/sales_order_fulfillments"):
            delivered.add(int(each.sent["sales_order_id"]))
        elif each.method == "PATCH" and (each.sent or {}).get("status") == "DELIVERED":
            delivered.add(_sales_order_of(life, each.path))
        elif each.method == "PUT" and each.sent == {"status": life.complete_to(each.server)}:
            done[each.server, "completed_in_store"] += 1
        elif each.path.endswith(("/products/batch", "/variations/batch")):
            done[each.server, "stock_updated"] += len(each.sent["update"])
    for sales_order_id in delivered:
        held = life.world.katana.sales_order(sales_order_id)
        if held.status == "DELIVERED":  # on some accounts a PATCH does nothing
            done[life.names[str(held.ecommerce_store_name)], "delivered_in_katana"] += 1
    shows_late = bool(life.world.katana._state.delivered_after)
    counted = ("imported", "completed_in_store", "stock_updated", "delivered_in_katana")
    for store in STORES:
        part = report.stores.get(store, StoreReport())
        for what in counted[:-1] if shows_late else counted:
            said, true = getattr(part, what), done[store, what]
            hold(24, said == true, f"{process.name}: {store}: {what} is {said}, and was {true}")
    said = {"katana": report.katana_requests, **report.store_requests}
    for server in ("katana", *STORES):
        asked = process.asked[server]
        is_right = said.get(server, asked) == asked
        hold(24, is_right, f"{process.name}: {said} requests were sent, and were {process.asked}")
