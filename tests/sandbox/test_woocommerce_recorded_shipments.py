"""The sandbox store's Fulfillments against answers recorded from a real one, and what the client
makes of those."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.shipments import ShopFulfillment
from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.sandbox.woocommerce_support import ask, keys

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recorded"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded answers beside this checkout"
)
LINE, KATANAS = 1486, 77
"""The recorded order's line, and what the first of its Fulfillments says to be of Katana's."""


def recorded(name: str) -> object:
    return json.loads((RECORDED / f"{name}-eu.json").read_text())


def body(line: object, quantity: int, **more: object) -> dict[str, object]:
    meta = {"_items": [{"item_id": line, "qty": quantity}], **more}
    return {
        "status": "fulfilled",
        "is_fulfilled": True,
        "meta_data": [{"key": key, "value": value} for key, value in meta.items()],
    }


@pytest.fixture
def store() -> WooCommerceSandbox:
    store = WooCommerceSandbox()
    store.switch_on_fulfillments()
    return store


def place(store: WooCommerceSandbox) -> tuple[str, int]:
    """An order for four pieces: where its Fulfillments are, and its line."""
    order = store.place_order([Item(store.add_product("Mug", "MUG", "5.00"), 4)])
    lines = store.order(order)["line_items"]
    assert isinstance(lines, list)
    return f"orders/{order}/fulfillments", lines[0]["id"]


def by_key(answer: object) -> object:
    """The names in an answer, and of its meta the kind of each value."""
    assert isinstance(answer, dict)
    meta = {each["key"]: type(each["value"]) for each in answer["meta_data"]}
    shapes = {name: type(value) for name, value in answer.items()}
    return keys(answer), shapes, meta


def test_answers_have_the_recorded_shape(store: WooCommerceSandbox) -> None:
    with store:
        path, line = place(store)
        assert ask(store, path).json() == recorded("fulfillments-none")
        own: dict[str, object] = {
            "_tracking_number": "JD0002",
            "_shipment_provider": "dhl",
            "_tracking_url": "https://track.example.com/JD0002",
            "_katana_fulfillment_id": str(KATANAS),
        }
        first = ask(store, path, method="POST", body=body(line, 1, **own))
        assert by_key(first.json()) == by_key(recorded("fulfillment-created-partial"))
        one = f"{path}/{first.json()['id']}"
        (listed,) = ask(store, path).json()
        rows = recorded("fulfillments-list")
        assert isinstance(rows, list)
        assert by_key(listed) == by_key(rows[0])
        other = {"_tracking_number": "JD0003", "_shipment_provider": "dhl"}
        put = ask(store, one, method="PUT", body=body(line, 1, **other))
        assert by_key(put.json()) == by_key(recorded("fulfillment-put-whole"))
        assert by_key(ask(store, one).json()) == by_key(recorded("fulfillment-get"))


def test_refusals_are_the_recorded_ones(store: WooCommerceSandbox) -> None:
    with store:
        path, line = place(store)
        nothing = ask(store, path, method="POST", body={**body(line, 1), "meta_data": []})
        assert (nothing.status_code, nothing.json()) == (
            400,
            recorded("error-fulfillment-no-items"),
        )
        text = ask(store, path, method="POST", body=body(str(line), 1))
        assert (text.status_code, text.json()) == (400, recorded("error-fulfillment-text-id"))
        unknown = ask(store, "orders/987654/fulfillments")
        assert (unknown.status_code, unknown.json()) == (
            404,
            recorded("error-fulfillments-unknown-order"),
        )
        store.switch_on_fulfillments(on=False)
        off = ask(store, path)
        assert (off.status_code, off.json()) == (404, recorded("error-fulfillments-off"))


def test_the_client_reads_the_recorded_lists() -> None:
    rows = recorded("fulfillments-list")
    assert isinstance(rows, list)
    ours, by_hand = (convert(row, ShopFulfillment) for row in rows)
    assert (ours.quantities, by_hand.quantities) == ({LINE: Decimal(1)}, {LINE: Decimal(3)})
    assert ours.values["_katana_fulfillment_id"] == str(KATANAS)
    assert by_hand.values["_tracking_number"] == "X1"
