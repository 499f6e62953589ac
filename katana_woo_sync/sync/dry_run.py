"""Clients for `--dry-run`: they ask both sides, and answer writes as the service would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from msgspec import structs

from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.domain.deliveries import Fulfillment, FulfillmentDraft
from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.katana import (
    ConfigAttribute,
    Customer,
    CustomerDraft,
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
    VariantDraft,
)
from katana_woo_sync.domain.shipments import ShipmentWay
from katana_woo_sync.domain.stock import StockAdjustment, StockAdjustmentDraft
from katana_woo_sync.domain.woocommerce import Order, StockAnswer

_IDS = count(-1, -1)


def _id() -> Whole:
    """An id for what would be created: below zero, as none of Katana's is."""
    return Whole(next(_IDS))


class DryRunKatana(KatanaClient):
    """Katana that is only asked."""

    def create_sales_order(self, draft: SalesOrderDraft) -> SalesOrder:
        """The sales order that would be created; its total is what was computed for it."""
        return SalesOrder(
            id=_id(),
            order_no=Text(draft.order_no),
            status=Text(draft.status),
            ecommerce_order_type=Text(draft.ecommerce_order_type),
            ecommerce_store_name=Text(draft.ecommerce_store_name),
            ecommerce_order_id=Text(draft.ecommerce_order_id),
        )

    def deliver(self, sales_order_id: int, *, additional_info: str = "") -> SalesOrder:
        """The sales order as it would be after its delivery."""
        if sales_order_id < 0:
            return SalesOrder(id=Whole(sales_order_id), status=Text("DELIVERED"))
        return structs.replace(self.sales_order(sales_order_id), status=Text("DELIVERED"))

    def set_additional_info(self, sales_order_id: int, text: str) -> None:
        """Nothing."""

    def deliver_fulfillment(self, fulfillment_id: int) -> None:
        """Nothing."""

    def delete_sales_order(self, sales_order_id: int) -> None:
        """Nothing."""

    def create_fulfillment(self, draft: FulfillmentDraft) -> Fulfillment:
        """The delivery that would be made."""
        return Fulfillment(id=_id(), sales_order_id=Whole(draft.sales_order_id))

    def create_stock_adjustment(self, draft: StockAdjustmentDraft) -> StockAdjustment:
        """The adjustment that would be made."""
        return StockAdjustment(
            id=_id(),
            stock_adjustment_number=Text(draft.stock_adjustment_number),
            location_id=Whole(draft.location_id),
        )

    def shipping_fees(self, sales_order_id: int) -> tuple[ShippingFee, ...]:
        """None for a sales order that would only be created."""
        return () if sales_order_id < 0 else super().shipping_fees(sales_order_id)

    def create_shipping_fee(self, draft: ShippingFeeDraft) -> ShippingFee:
        """The fee that would be added."""
        return ShippingFee(id=_id(), sales_order_id=Whole(draft.sales_order_id))

    def create_customer(self, draft: CustomerDraft) -> Customer:
        """The customer that would be created."""
        return Customer(id=_id(), name=Text(draft.name))

    def create_product(self, draft: ProductDraft) -> Product:
        """The product that would be created."""
        return _product(draft.name, draft.variants)

    def create_variant(self, draft: NewVariantDraft) -> Variant:
        """The variant that would be added."""
        return Variant(id=_id(), sku=Text(draft.sku or ""), product_id=Whole(draft.product_id))

    def add_config_values(self, product_id: int, values: Mapping[str, str]) -> None:
        """Nothing."""

    def create_service(self, draft: ServiceDraft) -> Product:
        """The service that would be created."""
        return _product(draft.name, draft.variants)

    def create_tax_rate(self, draft: TaxRateDraft) -> TaxRate:
        """The tax rate that would be created."""
        return TaxRate(id=_id(), name=Text(draft.name), rate=Amount(draft.rate))


def _product(name: str, variants: Sequence[VariantDraft]) -> Product:
    made = tuple(
        Variant(
            id=_id(),
            sku=Text(variant.sku or ""),
            config_attributes=tuple(
                ConfigAttribute(config_name=Text(name), config_value=Text(value))
                for name, value in variant.options
            ),
        )
        for variant in variants
    )
    return Product(id=_id(), name=Text(name), variants=made)


class DryRunShop(WooCommerceClient):
    """A store that is only asked."""

    def complete(self, order_id: int) -> Order:
        """The order as it would be, completed."""
        return structs.replace(self.order(order_id, None), status=Text("completed"))

    def add_note(self, order_id: int, text: str, *, to_customer: bool) -> None:
        """Nothing."""

    def put_fulfillment(
        self, order_id: int, body: Mapping[str, object], fulfillment_id: int | None
    ) -> None:
        """Nothing."""

    def add_tracking(self, way: ShipmentWay, order_id: int, body: Mapping[str, object]) -> None:
        """Nothing."""

    def remove_tracking(self, way: ShipmentWay, order_id: int, tracking_id: str) -> None:
        """Nothing."""

    def set_stock(self, parent_id: int, quantities: Mapping[int, int]) -> Mapping[int, StockAnswer]:
        """The answer that the shop would give."""
        return {
            item: StockAnswer(id=Whole(item), manage_stock=True, stock_quantity=Amount(quantity))
            for item, quantity in quantities.items()
        }
