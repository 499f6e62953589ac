"""Whatever an answer holds, the program has a word for it."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katana_woo_sync.clients.answers import Garbage, parse_json, record
from katana_woo_sync.clients.order_reader import UnreadableOrder, read_order
from katana_woo_sync.domain import katana, woocommerce
from tests.sync.world import World

KINDS = [
    woocommerce.Order,
    woocommerce.Refund,
    katana.SalesOrder,
    katana.Customer,
    katana.Variant,
    katana.Product,
    katana.TaxRate,
    katana.Location,
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_value_in_any_field_is_read_or_refused(kind: type, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(field.encode_name for field in msgspec.structs.fields(kind)))
    document = data.draw(st.dictionaries(names, VALUES, max_size=4) | VALUES)
    with contextlib.suppress(msgspec.ValidationError):
        assert isinstance(record(document, kind), kind)


@settings(max_examples=150, deadline=None)
@given(body=st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_garbage(body: bytes) -> None:
    with contextlib.suppress(Garbage):
        assert isinstance(parse_json(body), (dict, list))


@pytest.mark.parametrize("order_id", [2**63, 10**30, -5, "7x", None, [], True, 1.5])
def test_an_id_that_cannot_be_one_is_no_order(order_id: object) -> None:
    order = read_order({"id": order_id, "total": []})
    assert order is None or not isinstance(order, UnreadableOrder) or 0 < order.id < 2**63


def test_an_absurd_id_in_a_list_stops_no_store(world: World) -> None:
    first, second = world.order(), world.order()
    world.shop.state.spoilt[first] = {"id": 10**30}
    assert world.sync().exit_code != 0
    assert len(world.in_katana(second)) == 1
