"""The client of Katana's public API (v1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec
import requests
from requests.auth import AuthBase

from katana_woo_sync.clients.answers import JsonAnswer, record
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
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    Customer,
    CustomerDraft,
    Draft,
    Factory,
    Location,
    Product,
    ProductDraft,
    SalesOrder,
    SalesOrderDraft,
    ServiceDraft,
    ShippingFee,
    ShippingFeeDraft,
    TaxRate,
    TaxRateDraft,
    Variant,
    encode,
)

KATANA = "Katana"
PER_PAGE = 250
MOST_PAGES = 100_000
SKUS_PER_REQUEST = 100
LONGEST_SKUS = 5000
"""Characters of SKUs in one address; servers take about 8,000 in all."""

T = TypeVar("T")


class KatanaAccess(Protocol):
    """What the client needs of the settings."""

    @property
    def api_key(self) -> str: ...
    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class SalesOrdersChanged:
    """Sales orders that changed; `mark` (UTC) is the newest change up to which none was missed."""

    orders: tuple[SalesOrder, ...]
    mark: datetime | None


@dataclass(frozen=True)
class CustomersChanged:
    """Customers that changed; `mark` as in `SalesOrdersChanged`."""

    customers: tuple[Customer, ...]
    mark: datetime | None


class Bearer(AuthBase):
    """Katana's API key. Given as an AuthBase, so that no netrc entry takes its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        r.headers["Authorization"] = f"Bearer {self._key}"
        return r


class _Http(HttpClient):
    """HTTP with Katana's own words for what it refuses."""

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer, with the fields that Katana names."""
        answer: Mapping[str, object] = data if isinstance(data, dict) else {}
        nested = answer.get("error")
        if isinstance(nested, dict):
            answer = nested
        said = self.words(answer.get("message") or answer.get("name") or f"HTTP {status}")
        if status == 401:
            remedy = "Check api_key in the config (Katana, Settings, API)"
            return RefusedKey(self.service, action, f"the key was refused ({said})", remedy)
        if status in (402, 403):
            remedy = "Check what the API key, and your Katana plan, may do"
            return MissingPermission(self.service, action, said, remedy)
        if status in (404, 410):
            return NotFound(self.service, action, said)
        details = tuple(self._details(answer))
        named = "; ".join(
            f"{detail.path.lstrip('/') or 'the request'} {detail.message}" for detail in details[:5]
        )
        reason = f"{said.rstrip('.')}: {named}" if named else said
        code = str(answer.get("code", ""))
        return BadRequest(self.service, action, reason, "", status, code, details)

    def _details(self, answer: Mapping[str, object]) -> Iterator[Detail]:
        details = answer.get("details")
        for detail in details if isinstance(details, list) else []:
            if isinstance(detail, dict):
                path, info = str(detail.get("path", "")), detail.get("info")
                known = info if isinstance(info, dict) else {}
                field = known.get("missingProperty") or known.get("additionalProperty")
                allowed = known.get("allowedValues")
                message = str(detail.get("message", ""))
                yield Detail(
                    self.words(f"{path}/{field}" if field else path),
                    self.words(detail.get("code", "")),
                    self.words(f"{message} {allowed}" if allowed else message),
                )


class KatanaClient:
    """Katana's sales orders, customers, items, tax rates and places.

    Every method raises a `ServiceError`. Creates raise `UnknownOutcome` where the answer was lost;
    any other error of theirs says that nothing was created. Filters are checked again on this side,
    since some are known to be ignored.
    """

    def __init__(
        self,
        settings: KatanaAccess,
        *,
        redactor: Redactor,
        throttle: Throttle,
        timeout: float = 60.0,
        attempts: int = 4,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._throttle = throttle
        self._cancelled = cancelled
        self._http = _Http(
            KATANA,
            settings.url,
            redactor=redactor,
            timeout=timeout,
            auth=lambda: Bearer(settings.api_key),
            throttle=throttle,
            attempts=attempts,
            cancelled=cancelled,
        )

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._http.sent

    def wait_for_room(self, requests: int) -> None:
        """Wait until so many requests may be sent at once. Nothing is reserved: it keeps a step
        that is to be short from waiting for the quota in its middle."""
        self._throttle.wait_for_room(requests, self._cancelled)

    def sales_orders_changed(self, since: datetime | None) -> SalesOrdersChanged:
        """WooCommerce's sales orders changed since then (UTC), deleted ones too."""
        params = [("ecommerce_order_type", WOOCOMMERCE), ("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", _milliseconds(since)))
        orders, mark = self._changed("/sales_orders", params, SalesOrder)
        return SalesOrdersChanged(tuple(o for o in orders if _is_woocommerce(o)), mark)

    def all_sales_orders(self) -> Iterator[tuple[SalesOrder, ...]]:
        """Everything that was ever imported from WooCommerce, by pages, deleted ones too."""
        params = (("ecommerce_order_type", WOOCOMMERCE), ("include_deleted", "true"))
        for page in self._pages("/sales_orders", params, SalesOrder):
            yield tuple(order for order in page if _is_woocommerce(order))

    def sales_orders(
        self,
        *,
        store_name: str | None = None,
        order_id: str | None = None,
        order_no: str | None = None,
    ) -> tuple[SalesOrder, ...]:
        """Sales orders with this hidden ID or number, deleted ones too."""
        params = [("include_deleted", "true")]
        if store_name is not None:
            params.append(("ecommerce_order_type", WOOCOMMERCE))
            params.append(("ecommerce_store_name", store_name))
        if order_id is not None:
            params.append(("ecommerce_order_id", order_id))
        if order_no is not None:
            params.append(("order_no", order_no))
        return tuple(
            order
            for order in self._list("/sales_orders", params, SalesOrder)
            if (store_name is None or order.ecommerce_store_name.lower() == store_name.lower())
            and (order_id is None or order.ecommerce_order_id == order_id)
            and (order_no is None or order.order_no == order_no)
        )

    def sales_order(self, sales_order_id: int) -> SalesOrder:
        """One sales order. Raises `NotFound` for one that was deleted."""
        path = f"/sales_orders/{int(sales_order_id)}"
        return self._one("GET", path, self._http.get(path), SalesOrder)

    def create_sales_order(self, draft: SalesOrderDraft) -> SalesOrder:
        """Create a sales order."""
        return self._create("/sales_orders", draft, SalesOrder)

    def deliver(self, sales_order_id: int) -> SalesOrder:
        """Deliver all that is left of a sales order; Katana assigns batches first in, first out.

        Only the status is sent: what a PATCH leaves out stays, what it sends is changed.
        """
        path = f"/sales_orders/{int(sales_order_id)}"
        answer = self._http.request("PATCH", path, body=b'{"status":"DELIVERED"}')
        order = self._written("PATCH", path, answer, SalesOrder)
        if not order.is_delivered:
            reason = f'the order stayed "{self._http.words(order.status)}"'
            raise BadRequest(KATANA, f"PATCH {path}", reason, "Deliver it in Katana")
        return order

    def shipping_fees(self, sales_order_id: int) -> tuple[ShippingFee, ...]:
        """The shipping fees of a sales order."""
        params = (("sales_order_id", str(int(sales_order_id))),)
        fees = self._list("/sales_order_shipping_fee", params, ShippingFee)
        return tuple(fee for fee in fees if fee.sales_order_id == sales_order_id)

    def create_shipping_fee(self, draft: ShippingFeeDraft) -> ShippingFee:
        """Add a shipping fee to a sales order."""
        return self._create("/sales_order_shipping_fee", draft, ShippingFee)

    def customers_changed(self, since: datetime | None) -> CustomersChanged:
        """Customers changed since then (UTC), deleted ones too."""
        params = [("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", _milliseconds(since)))
        customers, mark = self._changed("/customers", params, Customer)
        return CustomersChanged(tuple(customers), mark)

    def customers(self, reference_id: str) -> tuple[Customer, ...]:
        """Customers with this reference."""
        found = self._list("/customers", (("reference_id", reference_id),), Customer)
        return tuple(customer for customer in found if customer.reference_id == reference_id)

    def create_customer(self, draft: CustomerDraft) -> Customer:
        """Create a customer."""
        return self._create("/customers", draft, Customer)

    def variants(self, skus: Sequence[str]) -> tuple[Variant, ...]:
        """The variants with these SKUs, archived ones too, many SKUs in one request.

        What the server answers is returned as far as its SKU is one of these but for case, so that
        one that only looks alike can be told of.
        """
        wanted = {sku.casefold() for sku in skus}
        found: dict[int, Variant] = {}
        for part in _parts(skus):
            params = [("sku", sku) for sku in part]
            params += [("extend", "product_or_material"), ("include_archived", "true")]
            for variant in self._list("/variants", params, Variant):
                if variant.sku.casefold() in wanted:
                    found[int(variant.id)] = variant
        return tuple(found.values())

    def products(self, name: str) -> tuple[Product, ...]:
        """Products of this name."""
        found = self._list("/products", (("name", name),), Product)
        return tuple(product for product in found if product.name == name)

    def create_product(self, draft: ProductDraft) -> Product:
        """Create a product with its variants."""
        return self._create("/products", draft, Product)

    def services(self, name: str) -> tuple[Product, ...]:
        """Services of this name."""
        found = self._list("/services", (("name", name),), Product)
        return tuple(service for service in found if service.name == name)

    def create_service(self, draft: ServiceDraft) -> Product:
        """Create a service."""
        return self._create("/services", draft, Product)

    def tax_rates(self) -> tuple[TaxRate, ...]:
        """All tax rates."""
        return tuple(self._list("/tax_rates", (), TaxRate))

    def create_tax_rate(self, draft: TaxRateDraft) -> TaxRate:
        """Create a tax rate."""
        return self._create("/tax_rates", draft, TaxRate)

    def locations(self) -> tuple[Location, ...]:
        """All locations that were not deleted."""
        return tuple(loc for loc in self._list("/locations", (), Location) if not loc.deleted_at)

    def factory(self) -> Factory:
        """The account's settings."""
        return self._one("GET", "/factory", self._http.get("/factory"), Factory)

    def _create(self, path: str, draft: Draft, kind: type[T]) -> T:
        answer = self._http.request("POST", path, body=encode(draft))
        return self._written("POST", path, answer, kind)

    def _written(self, method: str, path: str, answer: JsonAnswer, kind: type[T]) -> T:
        """What a write made. Raises `UnknownOutcome` where Katana said yes but not to what."""
        try:
            written = self._one(method, path, answer, kind)
        except NotTheApi as error:
            raise self._http.unknown(f"{method} {path}", error.reason) from None
        if not getattr(written, "id", 0):
            raise self._http.unknown(f"{method} {path}", "the answer holds no id")
        return written

    def _one(self, method: str, path: str, answer: JsonAnswer, kind: type[T]) -> T:
        data = answer.data
        if isinstance(data, dict) and set(data) == {"data"}:
            data = data["data"]
        return self._converted(method, path, data, kind)

    def _converted(self, method: str, path: str, data: object, kind: type[T]) -> T:
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            reason = f"the answer is not as expected: {self._http.words(error)}"
            raise NotTheApi(KATANA, f"{method} {path}", reason) from None

    def _list(self, path: str, params: Params, kind: type[T]) -> list[T]:
        found: dict[object, T] = {}
        for page in self._pages(path, params, kind):
            for row in page:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values())

    def _changed(self, path: str, params: Params, kind: type[T]) -> tuple[list[T], datetime | None]:
        """A list of changes with its mark: that of the first page, since whatever changes while
        the others are read has a later time."""
        found: dict[object, T] = {}
        mark: datetime | None = None
        for number, page in enumerate(self._pages(path, params, kind)):
            if number == 0:
                times = [utc_time(getattr(row, "updated_at", "")) for row in page]
                mark = max((time for time in times if time is not None), default=None)
            for row in page:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values()), mark

    def _pages(self, path: str, params: Params, kind: type[T]) -> Iterator[list[T]]:
        """A list's pages to the last. Rows that enter at its top shift the others on to later
        pages, so some come twice and none is passed over."""
        for page in range(1, MOST_PAGES):
            place = (("limit", str(PER_PAGE)), ("page", str(page)))
            answer = self._http.get(path, (*params, *place))
            rows = answer.data.get("data") if isinstance(answer.data, dict) else answer.data
            if not isinstance(rows, list):
                raise NotTheApi(KATANA, f"GET {path}", "a list was expected")
            yield [self._converted("GET", path, row, kind) for row in rows]
            if len(rows) < PER_PAGE or _is_last(answer.headers):
                return


def _is_last(headers: Mapping[str, str]) -> bool:
    """What `X-Pagination` says, a JSON object whose values are strings."""
    try:
        pagination = json.loads(headers.get("X-Pagination", ""))
    except ValueError:
        return False
    if not isinstance(pagination, dict):
        return False
    return str(pagination.get("last_page", "")).lower() == "true"


def _parts(skus: Sequence[str]) -> Iterator[list[str]]:
    """The SKUs in portions that fit into an address."""
    part: list[str] = []
    size = 0
    for sku in skus:
        length = len(sku.encode("utf-8", "replace")) * 3 + 5
        if part and (len(part) >= SKUS_PER_REQUEST or size + length > LONGEST_SKUS):
            yield part
            part, size = [], 0
        part.append(sku)
        size += length
    if part:
        yield part


def _is_woocommerce(order: SalesOrder) -> bool:
    return order.ecommerce_order_type == WOOCOMMERCE


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
