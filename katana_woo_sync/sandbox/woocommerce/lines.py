"""The lines of an order: items, fees, shipping, tax rates and coupons, as kept and as answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from katana_woo_sync.sandbox.woocommerce.products import shown_sku
from katana_woo_sync.sandbox.woocommerce.resource import Json, View, bare, number
from katana_woo_sync.sandbox.woocommerce.taxes import TaxRate

CouponKind = Literal["percent", "fixed_cart", "fixed_product"]


@dataclass(frozen=True)
class Coupon:
    """A coupon; `amount` is a percentage, or money as prices are entered in the shop."""

    code: str
    kind: CouponKind
    amount: Decimal


@dataclass
class Meta:
    """An entry of a line's `meta_data`. `display_key` is the label that the shop shows."""

    id: int
    key: str
    value: object
    display_key: str


@dataclass
class Line:
    """A line of an order: an item, a fee or a shipping method.

    `total` (after discounts) and `subtotal` (before) are for the whole quantity, without tax, in
    six decimals; `taxes` are unrounded likewise, `total_tax` is what the order counts.
    """

    id: int
    kind: Literal["item", "fee", "shipping"]
    name: str
    total: Decimal
    taxes: dict[int, Decimal]
    total_tax: Decimal
    tax_class: str = ""
    tax_status: str = "taxable"
    method_id: str = ""
    quantity: Decimal = Decimal(1)
    subtotal: Decimal = Decimal(0)
    subtotal_taxes: dict[int, Decimal] = field(default_factory=dict)
    subtotal_tax: Decimal = Decimal(0)
    product_id: int = 0
    variation_id: int = 0
    parent_name: str | None = None
    meta: list[Meta] = field(default_factory=list)
    shown_sku: str = ""
    """The SKU that a plugin has the line show, whatever product it has."""

    @property
    def gross(self) -> Decimal:
        """The line with its tax."""
        return self.total + self.total_tax


@dataclass(frozen=True)
class TaxLine:
    """A rate that an order bears, with its sums."""

    id: int
    rate: TaxRate
    tax_total: Decimal
    shipping_tax_total: Decimal


@dataclass(frozen=True)
class CouponLine:
    """A coupon of an order; its money is in the lines' totals already."""

    id: int
    meta_id: int
    coupon: Coupon
    discount: Decimal
    discount_tax: Decimal


def _taxes(line: Line, view: View) -> list[Json]:
    """A line's taxes, unrounded before WooCommerce 10; fees and shipping have an empty subtotal."""
    show = view.money if view.is_new else bare
    return [
        {
            "id": rate_id,
            "total": show(tax),
            "subtotal": show(line.subtotal_taxes.get(rate_id, tax)) if line.kind == "item" else "",
        }
        for rate_id, tax in line.taxes.items()
    ]


def _meta(entries: Sequence[Meta]) -> list[Json]:
    return [
        {
            "id": entry.id,
            "key": entry.key,
            "value": entry.value,
            "display_key": entry.display_key,
            "display_value": entry.value,
        }
        for entry in entries
    ]


def show_item(line: Line, view: View) -> Json:
    """A line item; `price` is a float, which is why nothing should be computed from it."""
    price = float(line.total) / float(line.quantity) if line.quantity else 0.0
    sku = _sku(line, view)
    item: Json = {
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": number(line.quantity),
        "tax_class": line.tax_class,
        "subtotal": view.money(line.subtotal),
        "subtotal_tax": view.money(line.subtotal_tax),
        "total": view.money(line.total),
        "total_tax": view.money(line.total_tax),
        "taxes": _taxes(line, view),
        "meta_data": _meta(line.meta),
        "sku": sku,
    }
    if view.is_new:
        item["global_unique_id"] = None if sku is None else ""
    item["price"] = int(price) if price.is_integer() else price
    item["image"] = {"id": 0 if line.parent_name or sku is None else "", "src": ""}
    item["parent_name"] = line.parent_name
    return item


def show_tax_line(line: TaxLine, view: View) -> Json:
    """A rate that the order bears; its percentage may be today's, 0 where the rate is gone."""
    return {
        "id": line.id,
        "rate_code": line.rate.code,
        "rate_id": line.rate.id,
        "label": line.rate.label,
        "compound": line.rate.compound,
        "tax_total": view.money(line.tax_total),
        "shipping_tax_total": view.money(line.shipping_tax_total),
        "rate_percent": number(view.state.percent_today.get(line.rate.id, line.rate.percent)),
        "meta_data": [],
    }


def show_shipping(line: Line, view: View) -> Json:
    """A shipping line."""
    found: Json = {
        "id": line.id,
        "method_title": line.name,
        "method_id": line.method_id,
        "instance_id": "",
        "total": view.money(line.total),
        "total_tax": view.money(line.total_tax),
        "taxes": _taxes(line, view),
    }
    if view.is_new:
        found["tax_status"] = line.tax_status
    found["meta_data"] = _meta(line.meta)
    return found


def show_fee(line: Line, view: View) -> Json:
    """A fee line."""
    return {
        "id": line.id,
        "name": line.name,
        "tax_class": line.tax_class,
        "tax_status": line.tax_status,
        "amount": "",
        "total": view.money(line.total),
        "total_tax": view.money(line.total_tax),
        "taxes": _taxes(line, view),
        "meta_data": _meta(line.meta),
    }


def show_coupon(line: CouponLine, view: View) -> Json:
    """A coupon line: its discount is not padded."""
    coupon = line.coupon
    nominal = number(coupon.amount)
    kind = "null" if coupon.kind == "fixed_cart" else f'"{coupon.kind}"'
    key = "coupon_info" if view.is_new else "coupon_data"
    value: object = f'[{line.id},"{coupon.code}",{kind},{nominal}]'
    if not view.is_new:
        value = {"code": coupon.code, "amount": str(coupon.amount), "discount_type": coupon.kind}
    found: Json = {
        "id": line.id,
        "code": coupon.code,
        "discount": bare(line.discount),
        "discount_tax": bare(line.discount_tax),
        "meta_data": _meta([Meta(line.meta_id, key, value, key)]),
    }
    if view.is_new:
        found["discount_type"] = coupon.kind
        found["nominal_amount"] = nominal
        found["free_shipping"] = False
    return found


def _sku(line: Line, view: View) -> str | None:
    """What a line shows as its SKU: looked up now; a variation without its own shows its
    parent's."""
    if line.shown_sku:
        return line.shown_sku
    product = view.state.products.get(line.variation_id or line.product_id)
    return None if product is None else shown_sku(product, view.state.products)


def shown_lines(lines: Sequence[Line], tax_lines: Sequence[TaxLine], view: View) -> Json:
    """The lines of an order or a refund, by their kinds."""
    return {
        "line_items": [show_item(line, view) for line in lines if line.kind == "item"],
        "tax_lines": [show_tax_line(line, view) for line in tax_lines],
        "shipping_lines": [show_shipping(line, view) for line in lines if line.kind == "shipping"],
        "fee_lines": [show_fee(line, view) for line in lines if line.kind == "fee"],
    }
