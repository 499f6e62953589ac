"""The client of a WooCommerce store's REST API (wc/v3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from requests.auth import AuthBase, HTTPBasicAuth

from katana_woo_sync.clients.answers import words_of
from katana_woo_sync.clients.errors import (
    BadRequest,
    Detail,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
)
from katana_woo_sync.clients.http import HttpClient, Params
from katana_woo_sync.clients.order_reader import (
    PER_PAGE,
    ChangedOrders,
    ReadOrder,
    read_changed,
    read_order,
    read_pages,
)
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.domain.fields import Text, convert
from katana_woo_sync.domain.woocommerce import Order, Product, Refund, StoreFacts

API = "/wp-json/wc/v3"
ORDER_FIELDS = ",".join(Order.__struct_fields__)
SLIM_FIELDS = (
    "id,number,order_key,status,currency,total,date_created_gmt,date_modified_gmt,"
    "date_completed_gmt,needs_processing"
)
PRODUCT_FIELDS = ",".join(Product.__struct_fields__)
INVALID_ID = "woocommerce_rest_shop_order_invalid_id"

T = TypeVar("T")


class StoreAccess(Protocol):
    """What the client needs of a store's settings."""

    @property
    def name(self) -> str: ...
    @property
    def api_url(self) -> str: ...
    @property
    def consumer_key(self) -> str: ...
    @property
    def consumer_secret(self) -> str: ...
    @property
    def allow_http(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def timeout(self) -> float: ...


def authentication(store: StoreAccess) -> Callable[[], AuthBase]:
    """How requests are signed: Basic over https; OAuth 1.0a over http, which is all that
    WooCommerce takes there. Raises `ValueError` for http where it is not allowed."""
    where = urlsplit(store.api_url)
    if where.scheme == "https":
        return partial(HTTPBasicAuth, store.consumer_key, store.consumer_secret)
    if not (store.allow_http or is_loopback(where.hostname or "")):
        raise ValueError(f"{store.name}: http is not allowed for {where.hostname}")
    from requests_oauthlib import OAuth1

    # made anew for each request: a nonce and timestamp are good for one
    return partial(
        OAuth1,
        client_key=store.consumer_key,
        client_secret=store.consumer_secret,
        signature_method="HMAC-SHA256",
        signature_type="query",
    )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, where http leaks nothing."""
    return host in ("localhost", "::1") or host.startswith("127.")


class _Http(HttpClient):
    """HTTP with WooCommerce's own words for what it refuses."""

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer, by its `code` and message."""
        answer: Mapping[str, object] = data if isinstance(data, dict) else {}
        code = str(answer.get("code", ""))
        said = self.words(words_of(str(answer.get("message") or f"HTTP {status}"), 300))
        if status == 401:
            return self._unauthorised(action, code, said)
        if status == 403:
            remedy = "Give the key's user the role of administrator or shop manager"
            return MissingPermission(self.service, action, said, remedy)
        if code == "rest_no_route":
            return NotTheApi(
                self.service,
                action,
                f"WordPress answers, but WooCommerce's API is not there ({said})",
                "Is WooCommerce switched on? Are Settings, Permalinks anything but Plain?",
            )
        if code == INVALID_ID or status in (404, 410):
            return NotFound(self.service, action, said)
        return BadRequest(
            self.service, action, f"{said} ({code or status})", "", status, code, _details(answer)
        )

    def _unauthorised(self, action: str, code: str, said: str) -> ServiceError:
        if "permission" in said:
            remedy = "Make a key with the permission Read/Write (WooCommerce, Settings, Advanced)"
            return MissingPermission(self.service, action, said, remedy)
        if "signature" in said.lower():
            remedy = (
                "Check consumer_secret; a proxy may also make the shop sign another address: use "
                "the shop's https address"
            )
        elif "nonce" in said.lower() or "timestamp" in said.lower():
            remedy = "Set the clocks of this machine and of the shop's"
        elif "secret" in said.lower():
            remedy = "Check consumer_secret in the config"
        else:
            remedy = (
                "Check consumer_key and consumer_secret; the key may have been revoked, the host "
                "may strip the Authorization header, or permalinks may be Plain"
            )
        return RefusedKey(self.service, action, f"{said} ({code})", remedy)

    def remedy_for_garbage(self, reason: str) -> str:
        """Permalinks and firewalls are the usual causes."""
        if "HTML" in reason:
            return (
                "Settings, Permalinks must be anything but Plain, and nothing before the shop may "
                "answer in its place"
            )
        return super().remedy_for_garbage(reason)


def _details(answer: Mapping[str, object]) -> tuple[Detail, ...]:
    data = answer.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    if not isinstance(params, dict):
        return ()
    return tuple(Detail(str(name), "", words_of(str(text))) for name, text in params.items())


class WooCommerceClient:
    """A store's orders, products and settings. Every method raises a `ServiceError`."""

    def __init__(
        self,
        store: StoreAccess,
        *,
        redactor: Redactor,
        attempts: int = 4,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._name = store.name
        self._http = _Http(
            store.name,
            store.api_url + API,
            redactor=redactor,
            timeout=store.timeout,
            verify=str(store.ca_file) if store.ca_file else True,
            auth=authentication(store),
            attempts=attempts,
            cancelled=cancelled,
        )

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._http.sent

    def newest_modified(self) -> datetime | None:
        """The newest modification time of any order (UTC); None in a shop without orders."""
        params = (
            ("orderby", "modified"),
            ("order", "desc"),
            ("per_page", "1"),
            ("_fields", "id,date_modified_gmt"),
        )
        for order in self._rows("/orders", params):
            read = read_order(order)
            if isinstance(read, Order):
                return read.modified
        return None

    def changed_orders(self, after: datetime | None, dp: int | None) -> ChangedOrders:
        """All orders modified after this time (UTC), whatever their status but trash.

        WooCommerce compares whole seconds, exclusively; with `dates_are_gmt` the time must carry
        no suffix, or the site's offset is applied to it.
        """
        params = [("orderby", "id"), ("order", "desc"), ("status", "any")]
        if after is not None:
            params.append(("modified_after", _seconds(after)))
            params.append(("dates_are_gmt", "true"))
        fetch = partial(self._order_page, (*params, *_with(ORDER_FIELDS, dp)))
        changed = read_changed(fetch)
        if after is None:
            return changed
        # 8.2 ignores filters that it does not know, and answers everything
        wanted = tuple(order for order in changed.orders if _is_after(order, after))
        return ChangedOrders(wanted, changed.mark, changed.pages)

    def open_orders(self, statuses: Sequence[str]) -> Iterator[tuple[ReadOrder, ...]]:
        """The orders in these statuses, by pages, in the order of their ids; only the few fields
        that tell which they are."""
        # A comma list: of a repeated plain key WooCommerce keeps only the last.
        params = (
            ("orderby", "id"),
            ("order", "asc"),
            ("status", ",".join(statuses)),
            ("_fields", SLIM_FIELDS),
        )
        for page in read_pages(partial(self._order_page, params), descending=False):
            yield tuple(order for order in page if _has_status(order, statuses))

    def _order_page(self, params: Params, offset: int, rows: int) -> list[ReadOrder]:
        place = (("per_page", str(rows)), ("offset", str(offset)))
        read = (read_order(row) for row in self._rows("/orders", (*params, *place)))
        return [order for order in read if order is not None]

    def orders(
        self, ids: Sequence[int], dp: int | None, *, slim: bool = False
    ) -> tuple[ReadOrder, ...]:
        """These orders, a hundred in a request; those in the trash or deleted are left out."""
        found: list[ReadOrder] = []
        for start in range(0, len(ids), PER_PAGE):
            wanted = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in wanted)),
                ("status", "any"),
                ("orderby", "id"),
                ("order", "asc"),
                *_with(SLIM_FIELDS if slim else ORDER_FIELDS, dp),
            )
            found += [o for o in self._order_page(params, 0, PER_PAGE) if int(o.id) in wanted]
        return tuple(found)

    def order(self, order_id: int, dp: int | None) -> Order:
        """One order, also from the trash. Raises `NotFound` for one deleted for good."""
        path = f"/orders/{int(order_id)}"
        return self._one("GET", path, self._http.get(path, _with(ORDER_FIELDS, dp)).data, Order)

    def refunds(self, order_id: int) -> tuple[Refund, ...]:
        """An order's refunds with their lines, oldest first."""
        path = f"/orders/{int(order_id)}/refunds"
        refunds = self._all(path, (("orderby", "id"), ("order", "asc")), Refund)
        return tuple(sorted(refunds, key=lambda refund: refund.id))

    def complete(self, order_id: int) -> Order:
        """Set an order's status to completed, which mails the customer.

        Raises `UnknownOutcome` where the answer was lost; the status is to be read before it is set
        again.
        """
        path = f"/orders/{int(order_id)}"
        body = msgspec.json.encode({"status": "completed"})
        answer = self._http.request("PUT", path, params=_with(ORDER_FIELDS, None), body=body)
        order = self._one("PUT", path, answer.data, Order)
        if order.status != "completed":
            reason = f'the order stayed "{self._http.words(order.status)}"'
            remedy = "A plugin may hold it back; complete it in the shop"
            raise BadRequest(self._name, f"PUT {path}", reason, remedy)
        return order

    def products(self, ids: Sequence[int]) -> tuple[Product, ...]:
        """These products, a hundred in a request; those in the trash or deleted are left out."""
        found: list[Product] = []
        for start in range(0, len(ids), PER_PAGE):
            wanted = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in wanted)),
                ("status", "any"),
                ("per_page", str(PER_PAGE)),
                ("_fields", PRODUCT_FIELDS),
            )
            rows = [
                self._one("GET", "/products", r, Product) for r in self._rows("/products", params)
            ]
            found += [product for product in rows if int(product.id) in wanted]
        return tuple(found)

    def variations(self, product_id: int) -> tuple[Product, ...]:
        """All variations of a variable product, in the order of their ids."""
        path = f"/products/{int(product_id)}/variations"
        return self._all(path, (("orderby", "id"), ("order", "asc"), ("status", "any")), Product)

    def facts(self) -> StoreFacts:
        """How the store counts its money: tax rounding, decimals, currency."""
        path = "/settings/tax/woocommerce_tax_round_at_subtotal"
        rounding = self._setting(self._http.get(path).data)
        general = {
            str(row.get("id")): self._setting(row)
            for row in self._rows("/settings/general", ())
            if isinstance(row, dict)
        }
        decimals = general.get("woocommerce_price_num_decimals", "")
        return StoreFacts(
            round_at_subtotal=rounding == "yes",
            decimals=int(decimals) if decimals.isdigit() and int(decimals) < 9 else 2,
            currency=Text(general.get("woocommerce_currency", "")),
        )

    @staticmethod
    def _setting(data: object) -> str:
        return str(data.get("value", "")) if isinstance(data, dict) else ""

    def _rows(self, path: str, params: Params) -> list[object]:
        data = self._http.get(path, params).data
        if not isinstance(data, list):
            raise self._unexpected("GET", path, "a list was expected")
        return data

    def _all(self, path: str, params: Params, kind: type[T]) -> tuple[T, ...]:
        """A short list to its last page."""
        found: list[T] = []
        page = 1
        while True:
            place = (("per_page", str(PER_PAGE)), ("page", str(page)))
            rows = self._rows(path, (*params, *place))
            found += [self._one("GET", path, row, kind) for row in rows]
            if len(rows) < PER_PAGE:
                return tuple(found)
            page += 1

    def _one(self, method: str, path: str, data: object, kind: type[T]) -> T:
        try:
            return convert(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            raise self._unexpected(method, path, str(error)) from None

    def _unexpected(self, method: str, path: str, what: str) -> NotTheApi:
        remedy = "A plugin may change what the API answers"
        return NotTheApi(
            self._name, f"{method} {path}", f"the answer is not as expected: {what}", remedy
        )


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
