"""Orders, refunds and notes as the REST API shows them, in the shape of real answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.records import (
    Address,
    CouponLine,
    Customer,
    Line,
    Meta,
    Note,
    Order,
    Product,
    Refund,
    TaxLine,
)
from katana_woo_sync.sandbox.woocommerce.store import StoreState
from katana_woo_sync.sandbox.woocommerce.totals import rounded

Json = dict[str, object]
EDITABLE = frozenset({"pending", "on-hold", "auto-draft", "checkout-draft"})
PAYABLE = frozenset({"pending", "failed"})
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "SEK": "kr", "CHF": "CHF", "PLN": "zł"}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class View:
    """How one request wants to see a store: the address that it came to, and the decimals."""

    def __init__(self, state: StoreState, url: str, dp: int | None = None) -> None:
        self.state = state
        self.api = f"{url}/wp-json/wc/v3"
        self.url = url
        self.dp = state.rounding.decimals if dp is None else dp
        self.is_new = state.is_at_least(10)
        self.version = ".".join(map(str, state.version))

    def money(self, amount: Decimal) -> str:
        """An amount with the decimals asked for."""
        return f"{rounded(amount, self.dp):f}"

    def links(self, *path: str, up: str = "", allow: Sequence[str] = ("GET", *WRITES)) -> Json:
        """`_links` of a record: to itself and its list."""
        collection = f"{self.api}/{'/'.join(path[:-1])}"
        itself: Json = {"href": f"{collection}/{path[-1]}"}
        if self.is_new:
            itself["targetHints"] = {"allow": list(allow)}
        links: Json = {"self": [itself], "collection": [{"href": collection}]}
        if up:
            links["up"] = [{"href": f"{self.api}/{up}"}]
        return links

    def times(self, name: str, at: datetime | None) -> Json:
        """A time in the site's zone and in GMT, both without a suffix."""
        return times(name, at, self.state.offset)

    def sku(self, line: Line) -> str | None:
        """What a line shows as its SKU: looked up now; a variation without its own shows its
        parent's."""
        if line.shown_sku:
            return line.shown_sku
        product = self.state.products.get(line.variation_id or line.product_id)
        return None if product is None else shown_sku(product, self.state.products)


def times(name: str, at: datetime | None, offset: timedelta) -> Json:
    """A time in the site's zone and in GMT, both without a suffix."""
    if at is None:
        return {name: None, f"{name}_gmt": None}
    whole = at.replace(microsecond=0, tzinfo=None)
    return {name: (whole + offset).isoformat(), f"{name}_gmt": whole.isoformat()}


def shown_sku(product: Product, products: Mapping[int, Product]) -> str:
    """A product's SKU, or its parent's."""
    parent = products.get(product.parent_id)
    return product.sku or (parent.sku if parent is not None else "")


def number(value: Decimal) -> int | float:
    """A JSON number: whole where it is."""
    return int(value) if value == value.to_integral_value() else float(value)


def bare(amount: Decimal) -> str:
    """An amount without padding."""
    return f"{amount.normalize():f}" if amount else "0"


def order_json(order: Order, view: View, *, links: bool = True) -> Json:
    """An order. Its lines' SKUs are looked up now, not kept with it."""
    totals = order.totals
    created, modified = view.times("date_created", order.created), _modified(order, view)
    if order.lost_gmt:
        created["date_created_gmt"] = None
    completed, paid = (
        view.times("date_completed", order.completed),
        view.times("date_paid", order.paid),
    )
    lines = order.lines
    answer: Json = {
        "id": order.id,
        "parent_id": order.parent_id,
        "status": order.status,
        "currency": order.currency,
        "version": view.version,
        "prices_include_tax": order.prices_include_tax,
        "date_created": created["date_created"],
        "date_modified": modified["date_modified"],
        "discount_total": view.money(totals.discount_total),
        "discount_tax": view.money(totals.discount_tax),
        "shipping_total": view.money(totals.shipping_total),
        "shipping_tax": view.money(totals.shipping_tax),
        "cart_tax": view.money(totals.cart_tax),
        "total": view.money(totals.total),
        "total_tax": view.money(totals.total_tax),
        "customer_id": order.customer_id,
        "order_key": order.order_key,
        "billing": address_json(order.billing, email=True),
        "shipping": address_json(order.shipping, email=False),
        "payment_method": order.payment_method,
        "payment_method_title": order.payment_method_title,
        "transaction_id": order.transaction_id,
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": order.created_via,
        "customer_note": order.customer_note,
        "date_completed": completed["date_completed"],
        "date_paid": paid["date_paid"],
        "cart_hash": "",
        "number": order.number,
        "meta_data": [
            {"id": entry[0], "key": key, "value": entry[1]} for key, entry in order.meta.items()
        ],
        "line_items": [item_json(line, view) for line in lines if line.kind == "item"],
        "tax_lines": [tax_line_json(line, view) for line in order.tax_lines],
        "shipping_lines": [shipping_json(line, view) for line in lines if line.kind == "shipping"],
        "fee_lines": [fee_json(line, view) for line in lines if line.kind == "fee"],
        "coupon_lines": [_coupon_json(line, view) for line in order.coupon_lines],
        "refunds": [_refund_summary(refund, view) for refund in order.refunds],
        "payment_url": f"{view.url}/checkout/order-pay/{order.id}/"
        f"?pay_for_order=true&key={order.order_key}",
        "is_editable": order.status in EDITABLE,
        "needs_payment": order.status in PAYABLE and totals.total > 0,
        "needs_processing": order.needs_processing,
        "date_created_gmt": created["date_created_gmt"],
        "date_modified_gmt": modified["date_modified_gmt"],
        "date_completed_gmt": completed["date_completed_gmt"],
        "date_paid_gmt": paid["date_paid_gmt"],
        "currency_symbol": SYMBOLS.get(order.currency, order.currency),
        **order.plugin_fields,
    }
    if links:
        answer["_links"] = order_links(order, view)
    return answer


def _modified(order: Order, view: View) -> Json:
    return view.times("date_modified", order.modified)


def order_links(order: Order, view: View) -> Json:
    """`_links` of an order."""
    links = view.links("orders", str(order.id))
    if view.is_new:
        href = f"{view.api}/orders/{order.id}/actions/email_templates"
        links["email_templates"] = [{"embeddable": True, "href": href}]
    if order.customer_id:
        links["customer"] = [{"href": f"{view.api}/customers/{order.customer_id}"}]
    return links


def address_json(address: Address, *, email: bool) -> Json:
    """An address; one to send to has no e-mail address."""
    found: Json = asdict(address)
    if not email:
        del found["email"]
    return found


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


def item_json(line: Line, view: View) -> Json:
    """A line item; `price` is a float, which is why nothing should be computed from it."""
    price = float(line.total) / float(line.quantity) if line.quantity else 0.0
    sku = view.sku(line)
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


def tax_line_json(line: TaxLine, view: View) -> Json:
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


def shipping_json(line: Line, view: View) -> Json:
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


def fee_json(line: Line, view: View) -> Json:
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


def _coupon_json(line: CouponLine, view: View) -> Json:
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


def _refund_summary(refund: Refund, view: View) -> Json:
    found: Json = {
        "id": refund.id,
        "reason": refund.reason,
        "total": view.money(refund.amount if refund.listed == "positive" else -refund.amount),
    }
    if view.is_new:
        found["total_tax"] = view.money(refund.total_tax)
    return found


def refund_json(refund: Refund, order: Order, view: View) -> Json:
    """A refund with its lines: quantities and amounts are negative (see `Refund.listed`)."""
    if refund.listed == "positive":
        refund = replace(refund, lines=tuple(_positive(line) for line in refund.lines))
    kind = "full" if refund.whole else "partial"
    entry = {"id": refund.meta_id, "key": "_refund_type", "value": kind}
    path = ("orders", str(order.id), "refunds", str(refund.id))
    return {
        "id": refund.id,
        **view.times("date_created", refund.created),
        "amount": view.money(refund.amount),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [entry] if view.is_new else [],
        "line_items": [item_json(x, view) for x in refund.lines if x.kind == "item"],
        "shipping_lines": [shipping_json(x, view) for x in refund.lines if x.kind == "shipping"],
        "tax_lines": [tax_line_json(line, view) for line in refund.tax_lines],
        "fee_lines": [fee_json(x, view) for x in refund.lines if x.kind == "fee"],
        "_links": view.links(*path, up=f"orders/{order.id}", allow=("GET", "DELETE")),
    }


def _positive(line: Line) -> Line:
    return replace(
        line,
        quantity=abs(line.quantity),
        total=abs(line.total),
        total_tax=abs(line.total_tax),
        taxes={rate_id: abs(tax) for rate_id, tax in line.taxes.items()},
    )


def note_json(note: Note, order: Order, view: View) -> Json:
    """An order note."""
    path = ("orders", str(order.id), "notes", str(note.id))
    return {
        "id": note.id,
        "author": note.author,
        **view.times("date_created", note.created),
        "note": note.note,
        "customer_note": note.customer_note,
        "_links": view.links(*path, up=f"orders/{order.id}", allow=("GET", "DELETE")),
    }


def customer_json(customer: Customer, view: View) -> Json:
    """A registered customer."""
    address = customer.billing
    return {
        "id": customer.id,
        **view.times("date_created", customer.created),
        **view.times("date_modified", customer.created),
        "email": address.email,
        "first_name": address.first_name,
        "last_name": address.last_name,
        "role": "customer",
        "username": address.email.partition("@")[0],
        "billing": address_json(address, email=True),
        "shipping": address_json(address, email=False),
        "is_paying_customer": True,
        "avatar_url": "",
        "meta_data": [],
        "_links": view.links("customers", str(customer.id)),
    }
