"""What the sandbox Katana answers: its records as JSON.

As Katana does, decimals come as numbers here and text there: `as_text` (lists) writes quantities,
prices and discounts as text with trailing zeros. Totals are numbers, unrounded.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.katana import money
from katana_woo_sync.sandbox.katana.records import (
    Address,
    Batch,
    Customer,
    Fulfillment,
    Item,
    Location,
    Movement,
    Record,
    Row,
    SalesOrder,
    ShippingFee,
    StockAdjustment,
    TaxRate,
    Variant,
)
from katana_woo_sync.sandbox.katana.schema import Json
from katana_woo_sync.sandbox.katana.state import ZERO, State

PRICE_DECIMALS = 10


def time_text(moment: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quantity_text(quantity: Decimal) -> str:
    """The quantity with at least five decimals; none is lost."""
    return _padded(quantity, 5)


def sales_order(order: SalesOrder, state: State, *, as_text: bool = False) -> Json:
    """A sales order with its rows, addresses and shipping fee."""
    rate = money.rate_of(order, state)
    total = money.order_total(order, state)
    fees = state.fees_of(order.id)
    rows = [_row(row, order, state, as_text) for row in order.rows]
    return {
        **_dates(order),
        "customer_id": order.customer_id,
        "order_no": order.order_no,
        "source": order.ecommerce_order_type,
        "order_created_date": time_text(order.order_created_date),
        "delivery_date": time_text(order.delivery_date),
        "picked_date": time_text(order.picked_date),
        "location_id": order.location_id,
        "status": order.status,
        "currency": order.currency,
        "conversion_rate": rate,
        "conversion_date": time_text(order.conversion_date),
        "invoicing_status": "notInvoiced",
        "total": total,
        "total_in_base_currency": money.converted(total, rate),
        "additional_info": order.additional_info,
        "customer_ref": order.customer_ref,
        "sales_order_rows": rows,
        "ecommerce_order_type": order.ecommerce_order_type,
        "ecommerce_store_name": order.ecommerce_store_name,
        "ecommerce_order_id": order.ecommerce_order_id,
        "product_availability": _worst([row["product_availability"] for row in rows]),
        "product_expected_date": None,
        "ingredient_availability": "NOT_APPLICABLE",
        "ingredient_expected_date": None,
        "production_status": order.production_status,
        "tracking_number": order.tracking_number,
        "tracking_number_url": order.tracking_number_url,
        "billing_address_id": _address_id(order, "billing"),
        "shipping_address_id": _address_id(order, "shipping"),
        "linked_manufacturing_order_id": None,
        "shipping_fee": shipping_fee(fees[0]) if fees else None,
        "addresses": [
            {"sales_order_id": order.id, **_address(address, order)} for address in order.addresses
        ],
    }


def shipping_fee(fee: ShippingFee) -> Json:
    """A shipping fee; its amount is text."""
    return {
        **_dates(fee),
        "sales_order_id": fee.sales_order_id,
        "amount": _padded(fee.amount, PRICE_DECIMALS),
        "tax_rate_id": fee.tax_rate_id,
        "description": fee.description,
    }


def fulfillment(part: Fulfillment) -> Json:
    """A fulfilment with its rows."""
    return {
        **_dates(part),
        "sales_order_id": part.sales_order_id,
        "status": part.status,
        "picked_date": time_text(part.picked_date),
        "conversion_rate": part.conversion_rate,
        "conversion_date": time_text(part.conversion_date),
        "invoice_status": "NOT_INVOICED",
        "tracking_number": part.tracking_number,
        "tracking_url": part.tracking_url,
        "tracking_carrier": part.tracking_carrier,
        "tracking_method": part.tracking_method,
        "sales_order_fulfillment_rows": [
            {
                "sales_order_row_id": row.row_id,
                "quantity": row.quantity,
                "batch_transactions": [
                    {"batch_id": batch_id, "quantity": quantity}
                    for batch_id, quantity in row.batches
                ],
                "serial_numbers": row.serial_numbers,
            }
            for row in part.rows
        ],
    }


def customer(record: Customer) -> Json:
    """A customer with its addresses."""
    fields = asdict(record)
    addresses = [
        {"customer_id": record.id, "default": address.default, **_address(address, record)}
        for address in record.addresses
    ]
    return {**fields, **_dates(record), "addresses": addresses}


def item(record: Item, state: State) -> Json:
    """A product, material or service with its variants."""
    variants = [variant(entry, state) for entry in state.variants_of(record)]
    base: Json = {
        **_dates(record),
        "archived_at": time_text(record.archived_at),
        "name": record.name,
        "uom": record.uom,
        "category_name": record.category_name,
        "is_sellable": record.is_sellable,
        "type": record.kind,
        "additional_info": record.additional_info,
        "custom_field_collection_id": None,
        "variants": variants,
    }
    if record.kind == "service":
        return base
    return {
        **base,
        "is_producible": record.is_producible,
        "is_purchasable": record.is_purchasable,
        "is_auto_assembly": record.is_auto_assembly,
        "default_supplier_id": record.default_supplier_id,
        "batch_tracked": record.batch_tracked,
        "serial_tracked": record.serial_tracked,
        "operations_in_sequence": record.operations_in_sequence,
        "purchase_uom": record.purchase_uom,
        "purchase_uom_conversion_rate": record.purchase_uom_conversion_rate,
        "configs": [
            {**asdict(config), f"{record.kind}_id": record.id} for config in record.configs
        ],
        "supplier": None,
    }


def variant(record: Variant, state: State, *, extended: bool = False) -> Json:
    """A variant; `extended` adds the product or material that it belongs to."""
    owner = state.items.get(record.item_id)
    kind = "product" if owner is None else owner.kind
    fields: Json = {
        **_dates(record),
        "sku": record.sku,
        "sales_price": record.sales_price,
        "type": kind,
        "custom_fields": [
            {"field_name": name, "field_value": value} for name, value in record.custom_fields
        ],
    }
    if kind == "service":
        return {**fields, "service_id": record.item_id, "default_cost": record.purchase_price}
    fields |= {
        "product_id": record.item_id if kind == "product" else None,
        "material_id": record.item_id if kind == "material" else None,
        "purchase_price": record.purchase_price,
        "internal_barcode": record.internal_barcode,
        "registered_barcode": record.registered_barcode,
        "supplier_item_codes": record.supplier_item_codes,
        "lead_time": record.lead_time,
        "minimum_order_quantity": record.minimum_order_quantity,
        "config_attributes": [
            {"config_name": name, "config_value": value} for name, value in record.config_attributes
        ],
    }
    if extended and owner is not None:
        parent = item(owner, state)
        del parent["variants"]
        fields["product_or_material"] = parent
    return fields


def tax_rate(record: TaxRate) -> Json:
    """A tax rate; `rate` is a percentage."""
    return {
        **asdict(record),
        **_dates(record),
        "display_name": f"{record.name} ({record.rate}%)".strip(),
    }


def location(record: Location) -> Json:
    """A location."""
    return {
        **asdict(record),
        **_dates(record),
        "legal_name": record.name,
        "address_id": record.id,
        "address": {
            "id": record.id,
            "city": "Tallinn",
            "country": "Estonia",
            "line_1": "Peetri 7",
            "line_2": "",
            "state": "",
            "zip": "10411",
        },
        "purchase_allowed": True,
        "manufacturing_allowed": True,
    }


def batch_stock(batch: Batch, location_id: int, quantity: Decimal) -> Json:
    """How much of a batch is at a location."""
    return {
        "batch_id": batch.id,
        "batch_number": batch.batch_number,
        "batch_created_date": time_text(batch.batch_created_date),
        "expiration_date": time_text(batch.expiration_date),
        "batch_barcode": batch.batch_barcode,
        "variant_id": batch.variant_id,
        "location_id": location_id,
        "quantity_in_stock": quantity_text(quantity),
    }


def inventory(
    key: tuple[int, int], in_stock: Decimal, committed: Decimal, potential: Decimal
) -> Json:
    """The stock of a variant at a location (`key`), all quantities as text. `potential` is how
    many bundles could be put together; 0 for what is no bundle."""
    nothing = quantity_text(ZERO)
    return {
        "variant_id": key[0],
        "location_id": key[1],
        "safety_stock_level": nothing,
        "reorder_point": nothing,
        "average_cost": _padded(ZERO, PRICE_DECIMALS),
        "value_in_stock": _padded(ZERO, PRICE_DECIMALS),
        "quantity_in_stock": quantity_text(in_stock),
        "quantity_committed": quantity_text(committed),
        "quantity_expected": nothing,
        "quantity_missing_or_excess": quantity_text(in_stock - committed),
        "quantity_potential": quantity_text(potential),
    }


def movement(record: Movement) -> Json:
    """A change of stock."""
    return {
        **_dates(record),
        "variant_id": record.variant_id,
        "location_id": record.location_id,
        "resource_type": record.resource_type,
        "resource_id": record.resource_id,
        "caused_by_order_no": record.caused_by_order_no,
        "caused_by_resource_id": record.resource_id,
        "movement_date": time_text(record.created_at),
        "quantity_change": record.quantity_change,
        "balance_after": record.balance_after,
        "value_per_unit": ZERO,
        "value_in_stock_after": ZERO,
        "average_cost_after": ZERO,
        "rank": 0,
    }


def stock_adjustment(record: StockAdjustment) -> Json:
    """A stock adjustment with its rows."""
    return {
        **_dates(record),
        "stock_adjustment_number": record.stock_adjustment_number,
        "location_id": record.location_id,
        "stock_adjustment_date": time_text(record.stock_adjustment_date),
        "reason": record.reason,
        "additional_info": record.additional_info,
        "stock_adjustment_rows": [
            {
                "id": row.id,
                "variant_id": row.variant_id,
                "quantity": row.quantity,
                "cost_per_unit": row.cost_per_unit,
                "batch_transactions": [
                    {"batch_id": batch_id, "quantity": quantity}
                    for batch_id, quantity in row.batches
                ],
            }
            for row in record.rows
        ],
    }


def factory(state: State) -> Json:
    """The account's settings; `default_so_delivery_time` is a number of days as text."""
    primary = state.primary_location().id
    return {
        "legal_address": {
            "line_1": "Peetri 7",
            "line_2": "",
            "city": "Tallinn",
            "state": "",
            "zip": "10411",
            "country": "Estonia",
        },
        "legal_name": "Sandbox Ltd",
        "display_name": "Sandbox",
        "base_currency_code": state.base_currency,
        "default_so_delivery_time": "14",
        "default_po_lead_time": "14",
        "default_manufacturing_location_id": primary,
        "default_purchases_location_id": primary,
        "default_sales_location_id": primary,
        "inventory_closing_date": None,
    }


def _dates(record: Record) -> Json:
    return {
        "id": record.id,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.updated_at),
        "deleted_at": time_text(record.deleted_at),
    }


def _row(row: Row, order: SalesOrder, state: State, as_text: bool) -> Json:
    rate = money.rate_of(order, state)
    total = money.row_total(row)
    parts = [p for part in state.fulfillments_of(order.id) for p in part.rows]
    picked = [part for part in parts if part.row_id == row.id]
    return {
        "id": row.id,
        "created_at": time_text(order.created_at),
        "updated_at": time_text(order.updated_at),
        "sales_order_id": order.id,
        "quantity": quantity_text(row.quantity) if as_text else row.quantity,
        "variant_id": row.variant_id,
        "tax_rate_id": row.tax_rate_id,
        "location_id": row.location_id,
        "product_availability": _availability(row, order, state),
        "product_expected_date": None,
        "price_per_unit": _padded(row.price_per_unit, PRICE_DECIMALS)
        if as_text
        else row.price_per_unit,
        "price_per_unit_in_base_currency": money.converted(row.price_per_unit, rate),
        "total": total,
        "total_in_base_currency": money.converted(total, rate),
        "total_discount": _padded(row.total_discount, PRICE_DECIMALS),
        "cogs_value": None,
        "attributes": [{"key": key, "value": value} for key, value in row.attributes],
        "batch_transactions": [
            {"batch_id": batch_id, "quantity": quantity}
            for part in picked
            for batch_id, quantity in part.batches
        ],
        "serial_numbers": [number for part in picked for number in part.serial_numbers],
        "linked_manufacturing_order_id": None,
        "conversion_rate": rate,
        "conversion_date": time_text(order.conversion_date),
    }


def _availability(row: Row, order: SalesOrder, state: State) -> str:
    owner = state.item_of(row.variant_id)
    if owner is None or owner.kind == "service":
        return "NOT_APPLICABLE"
    if order.status in ("PACKED", "DELIVERED"):
        return "PICKED"
    enough = state.in_stock(row.variant_id, row.location_id) >= row.quantity
    return "IN_STOCK" if enough else "NOT_AVAILABLE"


def _worst(availabilities: list[object]) -> str:
    ranking = ("NOT_AVAILABLE", "IN_STOCK", "PICKED")
    return next((name for name in ranking if name in availabilities), "NOT_APPLICABLE")


def _address(address: Address, owner: Record) -> Json:
    fields = {name: value for name, value in asdict(address).items() if name != "default"}
    return {
        **fields,
        "created_at": time_text(owner.created_at),
        "updated_at": time_text(owner.updated_at),
    }


def _address_id(order: SalesOrder, kind: str) -> int | None:
    return next((a.id for a in order.addresses if a.entity_type == kind), None)


def _padded(value: Decimal, decimals: int) -> str:
    """Plain digits with at least so many decimals; digits beyond are kept."""
    exponent = value.as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return f"{value:.{max(decimals, own)}f}"
