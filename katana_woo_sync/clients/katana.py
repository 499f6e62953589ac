"""The client of Katana's public API (v1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.http import Params
from katana_woo_sync.clients.katana_http import (
    PER_PAGE,
    KatanaApi,
    milliseconds,
    newest_update,
)
from katana_woo_sync.domain.deliveries import BatchStock, Fulfillment, FulfillmentDraft
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    Config,
    Customer,
    CustomerDraft,
    Factory,
    Location,
    NewVariantDraft,
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
    encode_plain,
)
from katana_woo_sync.domain.stock import (
    Inventory,
    Movement,
    StockAdjustment,
    StockAdjustmentDraft,
)


class SalesOrdersChanged(Struct, frozen=True):
    """Sales orders that changed; `mark` (UTC) is the newest change up to which none was missed, and
    `as_of` (UTC) when Katana answered, by its own clock."""

    orders: tuple[SalesOrder, ...]
    mark: datetime | None
    as_of: datetime


class FulfillmentsChanged(Struct, frozen=True):
    """Fulfilments that changed; `mark` and `as_of` as in `SalesOrdersChanged`."""

    parts: tuple[Fulfillment, ...]
    mark: datetime | None
    as_of: datetime


class CustomersChanged(Struct, frozen=True):
    """Customers that changed; `mark` and `as_of` as in `SalesOrdersChanged`."""

    customers: tuple[Customer, ...]
    mark: datetime | None
    as_of: datetime


def _is_woocommerce(order: SalesOrder) -> bool:
    return order.ecommerce_order_type == WOOCOMMERCE


KEPT_BY_PATCH = (
    "name",
    "uom",
    "category_name",
    "additional_info",
    "is_sellable",
    "is_producible",
    "is_purchasable",
    "is_auto_assembly",
    "batch_tracked",
    "serial_tracked",
    "operations_in_sequence",
    "default_supplier_id",
    "purchase_uom",
    "purchase_uom_conversion_rate",
    "custom_field_collection_id",
)
"""What a product has and a PATCH of it may hold."""

IDS_PER_REQUEST = 100
SKUS_PER_REQUEST = 100
LONGEST_SKUS = 5000
"""Characters of SKUs in one address; servers take about 8,000 in all."""


def _with_value(config: Config, values: Mapping[str, str]) -> list[str]:
    value = values.get(str(config.name))
    known = [str(each) for each in config.values]
    return [*known, value] if value is not None and value not in known else known


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


VARIANTS_PER_REQUEST = PER_PAGE
"""As many as one page answers: about 5,000 characters of address."""

OPEN = ("NOT_SHIPPED", "PARTIALLY_PACKED", "PARTIALLY_DELIVERED")
"""The statuses of sales orders that commit stock; PENDING is a quote, PACKED has left the stock."""


class MovementsChanged(Struct, frozen=True):
    """Movements, the mark (UTC) up to which none was missed, and when Katana answered (UTC, by its
    own clock)."""

    movements: tuple[Movement, ...]
    mark: datetime | None
    as_of: datetime


class OrdersTouched(Struct, frozen=True):
    """Sales orders from anywhere that changed; `mark` and `as_of` as in `MovementsChanged`."""

    orders: tuple[SalesOrder, ...]
    mark: datetime | None
    as_of: datetime


def _is_since(order: SalesOrder, since: datetime) -> bool:
    updated = utc_time(order.updated_at)
    return updated is None or updated >= since


def _deleted_too(include_deleted: bool) -> Params:
    return (("include_deleted", "true"),) if include_deleted else ()


class KatanaClient(KatanaApi):
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

    def sales_orders_of(self, customer_id: int) -> tuple[SalesOrder, ...]:
        """A customer's sales orders, deleted ones too."""
        params = (("customer_id", str(int(customer_id))), ("include_deleted", "true"))
        found = self._list("/sales_orders", params, SalesOrder, whole=True)
        return tuple(order for order in found if order.customer_id == customer_id)

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

    def deliver(self, sales_order_id: int, *, additional_info: str = "") -> SalesOrder:
        """Ask for all that is left of a sales order to be delivered; returns it as it is then. On
        some accounts that changes nothing. Katana assigns batches first in, first out.

        Only the status is sent, and `additional_info` where it is given: what a PATCH leaves out
        stays, what it sends is changed.
        """
        path = f"/sales_orders/{int(sales_order_id)}"
        sent = {"status": "DELIVERED"}
        if additional_info:
            sent["additional_info"] = additional_info
        answer = self._http.request("PATCH", path, body=encode_plain(sent))
        return self._written("PATCH", path, answer, SalesOrder)

    def set_additional_info(self, sales_order_id: int, text: str) -> None:
        """Write the additional information of a sales order."""
        body = encode_plain({"additional_info": text})
        self._http.request("PATCH", f"/sales_orders/{int(sales_order_id)}", body=body)

    def deliver_fulfillment(self, fulfillment_id: int) -> None:
        """What was packed is delivered."""
        path = f"/sales_order_fulfillments/{int(fulfillment_id)}"
        self._http.request("PATCH", path, body=encode_plain({"status": "DELIVERED"}))

    def delete_sales_order(self, sales_order_id: int) -> None:
        """Delete a sales order. Raises `NotFound` for one that is deleted already."""
        self._http.request("DELETE", f"/sales_orders/{int(sales_order_id)}")

    def newest_sales_orders(
        self, *, since: datetime | None = None, params: Params = ()
    ) -> tuple[SalesOrder, ...]:
        """The first page of sales orders, created since then (UTC), with these filters: as Katana
        answers it, whether it keeps to them or not."""
        wanted = [*params, ("limit", str(PER_PAGE))]
        if since is not None:
            wanted.append(("created_at_min", milliseconds(since)))
        data = self._http.get("/sales_orders", wanted).data
        rows = data.get("data") if isinstance(data, dict) else data
        orders = (record(row, SalesOrder) for row in (rows if isinstance(rows, list) else ()))
        return tuple(orders)

    def delete_shipping_fee(self, fee_id: int) -> None:
        """Delete a shipping fee. Raises `NotFound` for one that is deleted already."""
        self._http.request("DELETE", f"/sales_order_shipping_fee/{int(fee_id)}")

    def delete_fulfillment(self, fulfillment_id: int) -> None:
        """Take back what was packed or delivered. Raises `NotFound` for what was before."""
        self._http.request("DELETE", f"/sales_order_fulfillments/{int(fulfillment_id)}")

    def delete_customer(self, customer_id: int) -> None:
        """Delete a customer. Raises `NotFound` for one that is deleted already."""
        self._http.request("DELETE", f"/customers/{int(customer_id)}")

    def delete_service(self, service_id: int) -> None:
        """Delete a service. Raises `NotFound` for one that is deleted already."""
        self._http.request("DELETE", f"/services/{int(service_id)}")

    def shipping_fees(self, sales_order_id: int) -> tuple[ShippingFee, ...]:
        """The shipping fees of a sales order."""
        params = (("sales_order_id", str(int(sales_order_id))),)
        fees = self._list("/sales_order_shipping_fee", params, ShippingFee, whole=True)
        return tuple(fee for fee in fees if fee.sales_order_id == sales_order_id)

    def shipping_fees_created(
        self, first: datetime, last: datetime
    ) -> Iterator[tuple[ShippingFee, ...]]:
        """All shipping fees that were created in this time (UTC), by pages; others may be among
        them where Katana ignores the filter."""
        params = (("created_at_min", milliseconds(first)), ("created_at_max", milliseconds(last)))
        for page in self._pages("/sales_order_shipping_fee", params, ShippingFee):
            yield tuple(page.rows)

    def create_shipping_fee(self, draft: ShippingFeeDraft) -> ShippingFee:
        """Add a shipping fee to a sales order."""
        return self._create("/sales_order_shipping_fee", draft, ShippingFee)

    def customers_changed(self, since: datetime | None) -> CustomersChanged:
        """Customers changed since then (UTC), deleted ones too."""
        params = [("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", milliseconds(since)))
        customers, mark, as_of = self._changed("/customers", params, Customer)
        return CustomersChanged(tuple(customers), mark, as_of)

    def customers(
        self, reference_id: str, *, include_deleted: bool = False
    ) -> tuple[Customer, ...]:
        """Customers with this reference."""
        params = [("reference_id", reference_id), *_deleted_too(include_deleted)]
        found = self._list("/customers", params, Customer, whole=True)
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
        found = self._list("/products", (("name", name),), Product, whole=True)
        return tuple(product for product in found if product.name == name)

    def variants_by_id(self, variant_ids: Sequence[int]) -> tuple[Variant, ...]:
        """These variants with the items that they belong to, archived ones too."""
        found: list[Variant] = []
        for start in range(0, len(variant_ids), IDS_PER_REQUEST):
            part = variant_ids[start : start + IDS_PER_REQUEST]
            params = [("ids", str(int(variant_id))) for variant_id in part]
            params += [("extend", "product_or_material"), ("include_archived", "true")]
            listed = self._list("/variants", params, Variant)
            found += [variant for variant in listed if int(variant.id) in part]
        return tuple(found)

    def variants_changed(self, since: datetime) -> tuple[Variant, ...]:
        """Variants that changed since then (UTC), deleted and archived ones too."""
        params = (
            ("updated_at_min", milliseconds(since)),
            ("include_deleted", "true"),
            ("include_archived", "true"),
        )
        return tuple(self._list("/variants", params, Variant))

    def all_variants(self) -> tuple[Variant, ...]:
        """Every variant with the item that it belongs to, but for archived and deleted ones."""
        return tuple(self._list("/variants", (("extend", "product_or_material"),), Variant))

    def create_variant(self, draft: NewVariantDraft) -> Variant:
        """Add a variant to a product."""
        return self._create("/variants", draft, Variant)

    def product(self, product_id: int) -> Product:
        """One product with its variants. Raises `NotFound` for one that was deleted."""
        path = f"/products/{int(product_id)}"
        return self._one("GET", path, self._http.get(path), Product)

    def add_config_values(self, product_id: int, values: Mapping[str, str]) -> None:
        """Add these values to the configs of a product, by the configs' names, and change no more.

        A PATCH takes back every flag that it leaves out, and blanks `additional_info`, so all that
        the product has now is sent with it.
        """
        path = f"/products/{int(product_id)}"
        known = self._http.get(path).data
        product = known if isinstance(known, dict) else {}
        body = {name: product[name] for name in KEPT_BY_PATCH if product.get(name) is not None}
        body = {name: value for name, value in body.items() if value != ""}
        configs = record(product, Product).configs
        body["configs"] = [
            {"id": int(config.id), "name": config.name, "values": _with_value(config, values)}
            for config in configs
        ]
        answer = self._http.request("PATCH", path, body=encode_plain(body))
        self._written("PATCH", path, answer, Product)

    def create_product(self, draft: ProductDraft) -> Product:
        """Create a product with its variants."""
        return self._create("/products", draft, Product)

    def services(
        self, name: str = "", *, include_deleted: bool = False, include_archived: bool = False
    ) -> tuple[Product, ...]:
        """Services of this name; all without one. SKUs are no filter of services."""
        params = [*([("name", name)] if name else ()), *_deleted_too(include_deleted)]
        if include_archived:
            params.append(("include_archived", "true"))
        found = self._list("/services", params, Product)
        return tuple(service for service in found if not name or service.name == name)

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

    def fulfillments(self, sales_order_id: int) -> tuple[Fulfillment, ...]:
        """The parts of a sales order that were packed or delivered."""
        params = (("sales_order_id", str(int(sales_order_id))),)
        parts = self._list("/sales_order_fulfillments", params, Fulfillment, whole=True)
        return tuple(p for p in parts if p.sales_order_id == sales_order_id and not p.deleted_at)

    def fulfillments_changed(self, since: datetime) -> FulfillmentsChanged:
        """The fulfilments of all sales orders that changed since then (UTC), deleted ones too."""
        params = (("include_deleted", "true"), ("updated_at_min", milliseconds(since)))
        parts, mark, as_of = self._changed(
            "/sales_order_fulfillments", params, Fulfillment, to_its_end=True
        )
        return FulfillmentsChanged(tuple(parts), mark, as_of)

    def create_fulfillment(self, draft: FulfillmentDraft) -> Fulfillment:
        """Deliver rows of a sales order from named batches."""
        return self._create("/sales_order_fulfillments", draft, Fulfillment)

    def batch_stocks(self, variant_id: int, location_id: int) -> tuple[BatchStock, ...]:
        """The batches of a variant at a location."""
        params = (("variant_id", str(int(variant_id))), ("location_id", str(int(location_id))))
        found = []
        for page in self._pages("/batch_stocks", params, BatchStock, whole=True):
            found += [
                stock
                for stock in page.rows
                if stock.variant_id == variant_id and stock.location_id == location_id
            ]
        return tuple({(s.batch_id, s.location_id): s for s in found}.values())

    def inventory(self, variant_ids: Sequence[int], location_id: int) -> tuple[Inventory, ...]:
        """What is in stock of these variants at a location."""
        params = [("variant_id", str(int(variant_id))) for variant_id in variant_ids]
        params.append(("location_id", str(int(location_id))))
        found: list[Inventory] = []
        for page in self._pages("/inventory", params, Inventory, whole=True):
            found += [i for i in page.rows if i.location_id == location_id]
        return tuple(i for i in found if int(i.variant_id) in variant_ids)

    def stock_of(self, variant_ids: Sequence[int], location_id: int) -> tuple[Inventory, ...]:
        """What there is of these variants at a location, with their SKUs; those that have no row
        were never counted and nobody waits for them."""
        found: dict[int, Inventory] = {}
        for start in range(0, len(variant_ids), VARIANTS_PER_REQUEST):
            part = set(variant_ids[start : start + VARIANTS_PER_REQUEST])
            params = [("variant_id", str(int(variant_id))) for variant_id in sorted(part)]
            params += [("location_id", str(int(location_id))), ("extend", "variant")]
            for page in self._pages("/inventory", params, Inventory):
                for row in page.rows:
                    if row.location_id == location_id and int(row.variant_id) in part:
                        found[int(row.variant_id)] = row
        return tuple(found.values())

    def all_stock(self, location_id: int) -> tuple[Inventory, ...]:
        """All that there is at a location, with SKUs: a request for each 250 variants."""
        params = (("location_id", str(int(location_id))), ("extend", "variant"))
        found: dict[int, Inventory] = {}
        for page in self._pages("/inventory", params, Inventory):
            found.update((int(r.variant_id), r) for r in page.rows if r.location_id == location_id)
        return tuple(found.values())

    def newest_movement(self) -> datetime | None:
        """When stock last moved (UTC), by the newest movements; None where it never did."""
        for page in self._pages("/inventory_movements", (), Movement):
            return newest_update(page.rows, page.as_of)
        return None

    def movements_changed(self, since: datetime | None) -> MovementsChanged:
        """Movements written since then (UTC)."""
        params = () if since is None else (("updated_at_min", milliseconds(since)),)
        movements, mark, as_of = self._changed("/inventory_movements", params, Movement)
        return MovementsChanged(tuple(movements), mark, as_of)

    def movements_of(self, variant_ids: Sequence[int]) -> Iterator[tuple[Movement, ...]]:
        """All movements of these variants, by pages."""
        for start in range(0, len(variant_ids), VARIANTS_PER_REQUEST):
            part = variant_ids[start : start + VARIANTS_PER_REQUEST]
            params = [("variant_ids", str(int(variant_id))) for variant_id in part]
            for page in self._pages("/inventory_movements", params, Movement):
                yield tuple(movement for movement in page.rows if int(movement.variant_id) in part)

    def orders_touched(self, since: datetime | None) -> OrdersTouched:
        """Sales orders from anywhere that changed since then (UTC), deleted ones too."""
        params = [("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", milliseconds(since)))
        orders, mark, as_of = self._changed("/sales_orders", params, SalesOrder)
        wanted = (o for o in orders if since is None or _is_since(o, since))
        return OrdersTouched(tuple(wanted), mark, as_of)

    def open_orders(self) -> Iterator[tuple[SalesOrder, ...]]:
        """The sales orders from anywhere that commit stock, by pages."""
        for status in OPEN:
            for page in self._pages("/sales_orders", (("status", status),), SalesOrder):
                yield tuple(o for o in page.rows if o.status == status and not o.is_deleted)

    def stock_adjustments(
        self, *, number: str | None = None, location_id: int | None = None
    ) -> tuple[StockAdjustment, ...]:
        """Stock adjustments with this number, or at this location; deleted ones are left out."""
        params = []
        if number is not None:
            params.append(("stock_adjustment_number", number))
        if location_id is not None:
            params.append(("location_id", str(int(location_id))))
        return tuple(
            each
            for each in self._list("/stock_adjustments", params, StockAdjustment, whole=True)
            if not each.deleted_at
            and (number is None or each.stock_adjustment_number == number)
            and (location_id is None or each.location_id == location_id)
        )

    def create_stock_adjustment(self, draft: StockAdjustmentDraft) -> StockAdjustment:
        """Correct what is in stock."""
        return self._create("/stock_adjustments", draft, StockAdjustment)
