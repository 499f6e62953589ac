"""The client of Katana's public API (v1): sales orders, their fees, and customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.clients.katana_catalogue import KatanaCatalogue
from katana_woo_sync.clients.katana_deliveries import KatanaDeliveries
from katana_woo_sync.clients.katana_http import KATANA, milliseconds, newest_update
from katana_woo_sync.clients.katana_stock import KatanaStock
from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    Customer,
    CustomerDraft,
    SalesOrder,
    SalesOrderDraft,
    ShippingFee,
    ShippingFeeDraft,
)


class SalesOrdersChanged(Struct, frozen=True):
    """Sales orders that changed; `mark` (UTC) is the newest change up to which none was missed, and
    `as_of` (UTC) when Katana answered, by its own clock."""

    orders: tuple[SalesOrder, ...]
    mark: datetime | None
    as_of: datetime


class CustomersChanged(Struct, frozen=True):
    """Customers that changed; `mark` and `as_of` as in `SalesOrdersChanged`."""

    customers: tuple[Customer, ...]
    mark: datetime | None
    as_of: datetime


class KatanaClient(KatanaCatalogue, KatanaDeliveries, KatanaStock):
    """Katana's sales orders, their deliveries, customers, items, stock, tax rates and places."""

    def sales_orders_changed(self, since: datetime | None) -> SalesOrdersChanged:
        """WooCommerce's sales orders changed since then (UTC), deleted ones too."""
        params = [("ecommerce_order_type", WOOCOMMERCE), ("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", milliseconds(since)))
        # what it does not bring would be created again
        orders, mark, as_of = self._changed("/sales_orders", params, SalesOrder, to_its_end=True)
        return SalesOrdersChanged(tuple(o for o in orders if _is_woocommerce(o)), mark, as_of)

    def all_sales_orders(self) -> Iterator[SalesOrdersChanged]:
        """Everything that was ever imported from WooCommerce, by pages with the newest change of
        each, deleted ones too."""
        params = (("ecommerce_order_type", WOOCOMMERCE), ("include_deleted", "true"))
        for page in self._pages("/sales_orders", params, SalesOrder, to_its_end=True):
            orders = tuple(order for order in page.rows if _is_woocommerce(order))
            yield SalesOrdersChanged(orders, newest_update(orders, page.as_of), page.as_of)

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
            for order in self._list("/sales_orders", params, SalesOrder, whole=True)
            if (store_name is None or order.ecommerce_store_name.lower() == store_name.lower())
            and (order_id is None or order.ecommerce_order_id == order_id)
            and (order_no is None or order.order_no == order_no)
        )

    def sales_order(self, sales_order_id: int) -> SalesOrder:
        """One sales order. Raises `NotFound` for one that was deleted."""
        path = f"/sales_orders/{int(sales_order_id)}"
        return self._one("GET", path, self._http.get(path), SalesOrder)

    def sales_orders_by_id(self, ids: Sequence[int]) -> tuple[SalesOrder, ...]:
        """These sales orders, deleted ones too; a hundred at most."""
        params = [("include_deleted", "true"), *(("ids", str(int(i))) for i in ids)]
        return tuple(o for o in self._list("/sales_orders", params, SalesOrder) if o.id in ids)

    def create_sales_order(self, draft: SalesOrderDraft) -> SalesOrder:
        """Create a sales order."""
        return self._create("/sales_orders", draft, SalesOrder)

    def create_sales_orders(
        self, drafts: Sequence[SalesOrderDraft]
    ) -> list[SalesOrder | Exception]:
        """Create sales orders, whose requests overlap: what became of each, in their order."""
        return self._do([partial(self.create_sales_order, draft) for draft in drafts])

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

    def delete_sales_order(self, sales_order_id: int) -> None:
        """Delete a sales order. Raises `NotFound` for one that is deleted already."""
        self._http.request("DELETE", f"/sales_orders/{int(sales_order_id)}")

    def shipping_fees(self, sales_order_id: int) -> tuple[ShippingFee, ...]:
        """The shipping fees of a sales order."""
        params = (("sales_order_id", str(int(sales_order_id))),)
        fees = self._list("/sales_order_shipping_fee", params, ShippingFee, whole=True)
        return tuple(fee for fee in fees if fee.sales_order_id == sales_order_id)

    def create_shipping_fee(self, draft: ShippingFeeDraft) -> ShippingFee:
        """Add a shipping fee to a sales order."""
        return self._create("/sales_order_shipping_fee", draft, ShippingFee)

    def create_shipping_fees(
        self, drafts: Sequence[ShippingFeeDraft]
    ) -> list[ShippingFee | Exception]:
        """Add shipping fees to sales orders, as `create_sales_orders` does."""
        return self._do([partial(self.create_shipping_fee, draft) for draft in drafts])

    def customers_changed(self, since: datetime | None) -> CustomersChanged:
        """Customers changed since then (UTC), deleted ones too."""
        params = [("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", milliseconds(since)))
        customers, mark, as_of = self._changed("/customers", params, Customer)
        return CustomersChanged(tuple(customers), mark, as_of)

    def customers(self, reference_id: str) -> tuple[Customer, ...]:
        """Customers with this reference."""
        params = (("reference_id", reference_id),)
        found = self._list("/customers", params, Customer, whole=True)
        return tuple(customer for customer in found if customer.reference_id == reference_id)

    def create_customer(self, draft: CustomerDraft) -> Customer:
        """Create a customer."""
        return self._create("/customers", draft, Customer)

    def create_customers(self, drafts: Sequence[CustomerDraft]) -> list[Customer | Exception]:
        """Create customers, as `create_sales_orders` does."""
        return self._do([partial(self.create_customer, draft) for draft in drafts])


def _is_woocommerce(order: SalesOrder) -> bool:
    return order.ecommerce_order_type == WOOCOMMERCE
