"""Requests mean what they say and nobody is mailed for nothing: the traps of talking to a store.

Each test shows the trap, and that the program does not fall into it. Tested elsewhere already (the
trap in the first file, the program in the second):

| trap | where |
|---|---|
| http takes OAuth only, https Basic | sandbox/test_woocommerce_auth; clients/test_woocommerce |
| a host strips the header | sandbox/test_woocommerce_auth; clients/test_connection |
| keys are never logged | clients/test_redact, cli/test_safety |
| a site signs with its own address | sandbox/test_woocommerce_auth |
| without `Accept: application/json` faults are HTML | clients/test_recorded_errors, test_http |
| a 401 has many causes | sandbox/test_woocommerce_auth; clients/test_woocommerce |
| bad parameters, WooCommerce switched off | clients/test_recorded_errors |
| HTML or a byte order mark before the JSON, nothing at all | clients/test_http |
| permalink forms | sandbox/test_woocommerce_auth; clients/test_connection |
| `REQUESTS_CA_BUNDLE` and `ca_file` | clients/test_http, sandbox/test_woocommerce_client |
| the same status sends no mail again | sandbox/test_woocommerce_orders; here |
"""

from __future__ import annotations

import pytest
import requests

from katana_woo_sync.clients.errors import MissingPermission, NotFound, RefusedKey
from katana_woo_sync.sandbox.woocommerce import Mail, WooCommerceSandbox
from tests.sandbox.woocommerce_support import ask, signed
from tests.sync.world import World
from tests.traps.support import client_of

INVALID_ID = "woocommerce_rest_shop_order_invalid_id"


def written(world: World) -> list[tuple[str, str, bytes]]:
    """What was written to the shop: method, the end of the path, and body."""
    return [
        (request.method, request.path.partition("/wc/v3/")[2], request.body)
        for request in world.shop.server.requests
        if request.method != "GET"
    ]


def test_a_body_that_is_not_announced_as_json_is_ignored_with_200() -> None:
    with WooCommerceSandbox() as store:
        order = store.place_order()
        url = f"{store.url}/wp-json/wc/v3/orders/{order}"
        body = b'{"status": "completed"}'
        naive = requests.put(url, data=body, auth=signed(store), timeout=5)
        assert (naive.status_code, naive.json()["status"]) == (200, "processing")
        assert client_of(store).complete(order).status == "completed"


def test_an_unknown_order_is_404_when_read_and_400_when_written() -> None:
    with WooCommerceSandbox() as store:
        read = ask(store, "orders/999")
        put = ask(store, "orders/999", method="PUT", body={"status": "completed"})
        client = client_of(store)
        with pytest.raises(NotFound):
            client.order(999, None)
        with pytest.raises(NotFound):
            client.complete(999)
    assert (read.status_code, put.status_code) == (404, 400)
    assert read.json()["code"] == put.json()["code"] == INVALID_ID


def test_an_unknown_key_no_key_and_a_stripped_header_are_all_alike() -> None:
    with WooCommerceSandbox(behind_https=True) as store:
        url = f"{store.url}/wp-json/wc/v3/orders"
        logins = [None, ("ck_" + "0" * 40, store.consumer_secret)]
        answers = [requests.get(url, auth=login, timeout=5) for login in logins]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "woocommerce_rest_cannot_view"


@pytest.mark.parametrize(
    ("permission", "wrong_secret", "problem"),
    [
        ("read", False, MissingPermission),
        ("write", False, MissingPermission),
        ("read_write", True, RefusedKey),
    ],
)
def test_a_401_tells_a_missing_permission_from_a_wrong_secret_by_its_message_only(
    permission: str, wrong_secret: bool, problem: type[Exception]
) -> None:
    with WooCommerceSandbox(permission=permission, behind_https=True) as store:  # type: ignore[arg-type]
        order = store.place_order()
        client = client_of(store)
        login = (store.consumer_key, store.consumer_secret)
        if wrong_secret:
            store.gate.consumer_secret = "cs_other"
        url = f"{store.url}/wp-json/wc/v3/orders/{order}"
        method = "GET" if permission == "write" else "PUT"
        answer = requests.request(method, url, auth=login, timeout=5)
        with pytest.raises(problem):
            client.order(order, None) if method == "GET" else client.complete(order)
    assert answer.status_code == 401
    assert answer.json()["code"] == "woocommerce_rest_authentication_error"


def test_every_change_of_status_sends_mails_so_a_completion_is_sent_once(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.reset_counts()
    for _ in range(3):
        world.sync()
    world.sync(minutes=25 * 60)
    assert written(world) == [("PUT", f"orders/{order}", b'{"status":"completed"}')]
    assert world.shop.mails == [Mail(order, "processing", "completed")]


def test_a_status_that_is_so_already_is_not_set(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.reset_counts()
    # staff complete it after the list of changes, right before the program looks once more
    staff = [lambda: None, lambda: world.shop.set_status(order, "completed")]
    world.shop.before_list_answer.extend(staff)
    world.sync()
    world.sync()
    assert written(world) == []
    assert world.completions(order) == 1
    assert world.state(order)[0] == "fulfilled"


def test_meta_with_internal_keys_changes_the_order_itself_and_we_write_none(world: World) -> None:
    order = world.order()
    entry = {"key": "_billing_email", "value": "katana@example.test"}
    ask(world.shop, f"orders/{order}", method="PUT", body={"meta_data": [entry]})
    answer = world.shop.order(order)
    assert answer["billing"]["email"] == "katana@example.test"  # type: ignore[index]
    world.shop.server.reset_counts()
    world.sync()
    assert len(world.in_katana(order)) == 1
    assert written(world) == []


def test_a_note_to_the_customer_is_mailed_and_we_write_none(world: World) -> None:
    order = world.order()
    body = {"note": "Delivered by Katana", "customer_note": True}
    ask(world.shop, f"orders/{order}/notes", method="POST", body=body)
    assert [note["customer_note"] for note in world.shop.notes(order)] == [True]
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.reset_counts()
    world.sync()
    assert [note["customer_note"] for note in world.shop.notes(order)] == [True, False]
    assert all("notes" not in path for _method, path, _body in written(world))


def test_a_batch_of_orders_makes_an_unknown_status_pending_and_we_use_none(world: World) -> None:
    order = world.order()
    rows = {"update": [{"id": order, "status": "delivered"}]}
    answer = ask(world.shop, "orders/batch", method="POST", body=rows)
    assert (answer.status_code, world.status(order)) == (200, "pending")
    world.shop.set_status(order, "processing")
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.reset_counts()
    world.sync()
    assert [path for _method, path, _body in written(world)] == [f"orders/{order}"]
