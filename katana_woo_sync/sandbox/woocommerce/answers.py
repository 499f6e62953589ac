"""Records as the REST API shows them, in the shape of real answers."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from katana_woo_sync.sandbox.woocommerce.records import Line, Order, Product, Refund, RefundLine

Json = dict[str, object]
FindProduct = Callable[[int], Product | None]
STATUSES = (
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)


def money(amount: Decimal, dp: int) -> str:
    """An amount with so many decimals."""
    return f"{amount.quantize(Decimal(1).scaleb(-dp), ROUND_HALF_UP):f}"


def times(name: str, at: datetime | None, offset: timedelta) -> Json:
    """A time in the site's zone and in GMT, both without a suffix."""
    if at is None:
        return {name: None, f"{name}_gmt": None}
    whole = at.replace(microsecond=0, tzinfo=None)
    return {name: (whole + offset).isoformat(), f"{name}_gmt": whole.isoformat()}


def order_json(order: Order, find: FindProduct, dp: int, offset: timedelta) -> Json:
    """An order. A line's SKU is looked up now, not kept with the order."""
    items = [line for line in order.lines if line.kind == "item"]
    fees = [line for line in order.lines if line.kind == "fee"]
    shipping = [line for line in order.lines if line.kind == "shipping"]
    shipping_tax = sum((line.tax for line in shipping), Decimal(0))
    return {
        "id": order.id,
        "parent_id": 0,
        "number": order.number,
        "order_key": order.order_key,
        "created_via": "checkout",
        "version": "11.0.1",
        "status": order.status,
        "currency": order.currency,
        **times("date_created", order.created, offset),
        **times("date_modified", order.modified, offset),
        **times("date_completed", order.completed, offset),
        **times("date_paid", order.paid, offset),
        "discount_total": money(order.discount, dp),
        "shipping_total": money(sum((s.net for s in shipping), Decimal(0)), dp),
        "shipping_tax": money(shipping_tax, dp),
        "cart_tax": money(order.total_tax - shipping_tax, dp),
        "total": money(order.total, dp),
        "total_tax": money(order.total_tax, dp),
        "prices_include_tax": order.prices_include_tax,
        "customer_id": order.customer_id,
        "customer_note": order.customer_note,
        "billing": asdict(order.billing),
        "shipping": {k: v for k, v in asdict(order.shipping).items() if k != "email"},
        "payment_method": "card",
        "payment_method_title": order.payment_method_title,
        "transaction_id": "",
        "meta_data": [],
        "line_items": [_item(line, find, dp) for line in items],
        "tax_lines": [
            {
                "id": 100_000 + rate.id,
                "rate_code": f"RATE-{rate.id}",
                "rate_id": rate.id,
                "label": rate.label,
                "compound": rate.compound,
                "tax_total": money(_tax_of([*items, *fees], rate.id), dp),
                "shipping_tax_total": money(_tax_of(shipping, rate.id), dp),
                "rate_percent": _number(rate.percent),
                "meta_data": [],
            }
            for rate in order.rates
        ],
        "shipping_lines": [
            {
                "id": line.id,
                "method_title": line.name,
                "method_id": "flat_rate",
                "total": money(line.net, dp),
                "total_tax": money(line.tax, dp),
                "taxes": _taxes(line.taxes, None, dp),
                "meta_data": [],
            }
            for line in shipping
        ],
        "fee_lines": [
            {
                "id": line.id,
                "name": line.name,
                "tax_class": line.tax_class,
                "total": money(line.net, dp),
                "total_tax": money(line.tax, dp),
                "taxes": _taxes(line.taxes, None, dp),
                "meta_data": [],
            }
            for line in fees
        ],
        "coupon_lines": [
            {"id": 200_000 + n, "code": coupon.code, "discount": str(coupon.amount)}
            for n, coupon in enumerate(order.coupons)
        ],
        "refunds": [
            {"id": r.id, "reason": r.reason, "total": money(-r.amount, dp)} for r in order.refunds
        ],
        "needs_payment": order.status in ("pending", "failed"),
        "needs_processing": order.needs_processing,
        "currency_symbol": order.currency,
    }


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _tax_of(lines: list[Line], rate_id: int) -> Decimal:
    return sum((line.taxes.get(rate_id, Decimal(0)) for line in lines), Decimal(0))


def _taxes(
    taxes: Mapping[int, Decimal], subtotals: Mapping[int, Decimal] | None, dp: int, sign: int = 1
) -> list[Json]:
    """A line's taxes; fees and shipping have an empty subtotal."""
    return [
        {
            "id": rate_id,
            "total": money(sign * tax, dp),
            "subtotal": "" if subtotals is None else money(sign * subtotals[rate_id], dp),
        }
        for rate_id, tax in taxes.items()
    ]


def shown_sku(line: Line, find: FindProduct) -> str | None:
    """What a line shows as its SKU: live, and a variation without its own shows its parent's."""
    if not line.product_id:
        return None
    product = find(line.product_id)
    variation = find(line.variation_id) if line.variation_id else None
    if variation is not None and variation.sku:
        return variation.sku
    return product.sku if product is not None else None


def _item(line: Line, find: FindProduct, dp: int) -> Json:
    meta = [
        {
            "id": line.id * 100 + n,
            "key": key,
            "value": value,
            "display_key": key,
            "display_value": value,
        }
        for n, (key, value) in enumerate(line.meta)
    ]
    quantity = line.quantity
    return {
        "id": line.id,
        "name": html.escape(line.name),
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": _number(quantity),
        "tax_class": line.tax_class,
        "subtotal": money(line.subtotal, dp),
        "subtotal_tax": money(sum(line.subtotal_taxes.values(), Decimal(0)), dp),
        "total": money(line.net, dp),
        "total_tax": money(line.tax, dp),
        "taxes": _taxes(line.taxes, line.subtotal_taxes, dp),
        "meta_data": meta,
        "sku": shown_sku(line, find),
        "global_unique_id": "",
        "price": float(line.net / quantity) if quantity else 0,
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def refund_json(refund: Refund, dp: int, offset: timedelta) -> Json:
    """A refund with its lines: quantities and amounts are negative."""
    return {
        "id": refund.id,
        **times("date_created", refund.created, offset),
        "amount": money(refund.amount, dp),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [_refund_line(x, dp) for x in refund.lines if x.line.kind == "item"],
        "shipping_lines": [_refund_line(x, dp) for x in refund.lines if x.line.kind == "shipping"],
        "fee_lines": [_refund_line(x, dp) for x in refund.lines if x.line.kind == "fee"],
    }


def _refund_line(refunded: RefundLine, dp: int) -> Json:
    line = refunded.line
    entry: Json = {
        "id": 500_000 + line.id,
        "name": line.name,
        "total": money(-refunded.net, dp),
        "total_tax": money(-sum(refunded.taxes.values(), Decimal(0)), dp),
        "taxes": _taxes(refunded.taxes, refunded.taxes, dp, sign=-1),
        "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(line.id)}],
    }
    if line.kind == "item":
        entry["quantity"] = _number(-refunded.quantity)
        entry["product_id"] = line.product_id
    return entry


def product_json(product: Product, parent: Product | None, variations: list[Product]) -> Json:
    """A product, or a variation: one without a SKU shows its parent's."""
    variation = parent is not None
    options = product.options
    attributes: list[Json] = (
        [{"id": 0, "name": name, "option": option} for name, option in options.items()]
        if variation
        else [
            {"id": 0, "name": name, "position": n, "variation": True, "options": list(values)}
            for n, (name, values) in enumerate(product.attributes.items())
        ]
    )
    return {
        "id": product.id,
        "parent_id": product.parent_id,
        "name": html.escape(product.name),
        "type": "variation" if variation else product.type,
        "status": product.status,
        "sku": product.sku or (parent.sku if parent is not None else ""),
        "price": money(product.price, 2) if product.price else "",
        "regular_price": money(product.price, 2),
        "global_unique_id": "",
        "tax_class": product.tax_class,
        "virtual": product.virtual,
        "manage_stock": False,
        "stock_quantity": None,
        "categories": [],
        "attributes": attributes,
        "variations": [v.id for v in variations],
    }
