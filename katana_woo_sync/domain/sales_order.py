"""From a WooCommerce order to Katana's sales order: rows, prices, discounts, shipping fee.

The formula is the seed article's: where the order's prices include tax, price per unit =
(cost - discount) / (1 + tax rate), cost and discount with their tax; else cost - discount.
Katana holds no negative amounts and no row without a variant, so fees, odd shipping lines and
discounts without a line become rows of one service item or the rows' `total_discount`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.addresses import address_drafts
from katana_woo_sync.domain.bundles import Knows, Mode, as_rows, bundled
from katana_woo_sync.domain.charges import Charge, ChargeKind, Charges, charges_of, refunds_of
from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    AttributeDraft,
    RowDraft,
    SalesOrderDraft,
    ShippingFeeDraft,
    TaxRate,
)
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.payments import rounded_sums
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.rows import (
    TEN_DECIMALS,
    WORTH_MATCHING,
    DiscountableRow,
    matched,
    price_and_discount,
    spread,
    ten_decimals,
    total_of,
)
from katana_woo_sync.domain.taxes import HALF_A_CENT, HUNDRED, TaxNeed
from katana_woo_sync.domain.text import chosen_meta, clean, plain
from katana_woo_sync.domain.woocommerce import Order, Refund

SERVICE_NAME = "WooCommerce fee"
"""The one service item whose rows hold fees and what else has no product."""

SHIPPING_NAME = "WooCommerce shipping"
"""The one service item whose rows hold shipping, where that is a row (`shipping = "row"`)."""


class Unmappable(Exception):
    """An order that is not imported: a reason, and what exactly is meant (a SKU, an amount)."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Plan(Struct, frozen=True):
    """What an order needs in Katana, before ids are known.

    `items` are rows of products, `services` rows of the service item, `shipping` goes into the
    shipping fee, `discounts` are negative charges to be spread over the rows. `notes` say what a
    person may want to know of its money.
    """

    order: Order
    items: tuple[Charge, ...]
    services: tuple[Charge, ...]
    shipping: Charge | None
    discounts: tuple[Charge, ...]
    total: Decimal
    roundings: int
    notes: tuple[Note, ...] = ()

    @property
    def has_shipping_rows(self) -> bool:
        """Whether some of its rows are shipping."""
        return any(charge.kind is ChargeKind.SHIPPING for charge in self.services)

    @property
    def has_fee_rows(self) -> bool:
        """Whether some of its rows of services are not shipping."""
        return any(charge.kind is not ChargeKind.SHIPPING for charge in self.services)

    @property
    def needs(self) -> tuple[TaxNeed, ...]:
        """The taxes of everything that becomes a row or the shipping fee."""
        charges = [*self.items, *self.services, *([self.shipping] if self.shipping else [])]
        return tuple(dict.fromkeys(charge.need for charge in charges))


class Resolved(Struct, frozen=True):
    """The Katana ids for a plan: variants by line id, tax rates by need.

    `service_variant_id` is only used where the plan has `services`, and `shipping_variant_id` where
    some of them are shipping; without it shipping has the service item of fees.
    """

    customer_id: int
    location_id: int
    variants: Mapping[int, int]
    service_variant_id: int
    tax_rates: Mapping[TaxNeed, TaxRate]
    shipping_variant_id: int = 0


class Terms(Struct, frozen=True):
    """A store's settings that shape its sales orders.

    `decimals` are those of its prices; `rounds_each_line` is false where the shop rounds tax at the
    subtotal, and its lines come unrounded.
    """

    identity: str
    order_number_prefix: str = ""
    delivery_days: int = 14
    import_shipping: bool = True
    shipping_rows: bool = False
    import_fees: bool = True
    decimals: int = 2
    rounds_each_line: bool = True
    bundles: Mode = "parent"
    separate_discounts: bool = False
    match_totals: bool = False
    info_meta: tuple[str, ...] = ()


class Mapped(Struct, frozen=True):
    """A sales order ready to send, its shipping fee (without the order's id), and its total.

    `total` is what Katana will compute: with tax and shipping, unrounded, in the order's currency.
    `expected` is what is left of the shop's total; they may differ by `tolerance`, the shop's own
    roundings (half a unit of its last decimal for each amount and each tax).
    """

    draft: SalesOrderDraft
    fee: ShippingFeeDraft | None
    total: Decimal
    rows_total: Decimal
    expected: Decimal
    tolerance: Decimal


def plan_order(
    order: Order, refunds: Sequence[Refund], terms: Terms, knows: Knows = lambda _line: True
) -> Plan:
    """Sort an order's charges into rows, services, shipping fee and discounts.

    `knows` says whether Katana has a bundle's own product. Raises `Unmappable` for what is not
    imported: an empty or wholly refunded order.
    """
    if not (order.line_items or order.fee_lines or order.shipping_lines):
        raise Unmappable(Reason.EMPTY_ORDER)
    charges = charges_of(
        order,
        refunds_of(order, refunds),
        with_shipping=terms.import_shipping,
        with_fees=terms.import_fees,
        decimals=terms.decimals,
        rounds_each_line=terms.rounds_each_line,
    )
    if charges.refunded > 0 and charges.total <= HALF_A_CENT:
        raise Unmappable(Reason.REFUNDED_BEFORE_IMPORT)
    rows = as_rows(charges.charges, bundled(order.line_items), terms.bundles, knows)
    roundings = charges.roundings
    if not terms.rounds_each_line:
        roundings = rounded_sums(order) + charges.rounded_in_refunds + charges.rounded_by_a_cent
    charges = replace(charges, charges=rows)
    return _sorted_plan(order, charges, roundings, shipping_rows=terms.shipping_rows)


def _sorted_plan(order: Order, charges: Charges, roundings: int, *, shipping_rows: bool) -> Plan:
    items, services, discounts = [], [], []
    shipping: list[Charge] = []
    for charge in charges.charges:
        if charge.quantity <= 0 and abs(charge.gross) < HALF_A_CENT:
            continue  # refunded away; what is left is the refund's own rounding
        if charge.gross < 0 or charge.net < 0:
            discounts.append(charge)
        elif charge.kind is ChargeKind.ITEM and charge.quantity > 0:
            items.append(charge)
        elif charge.gross == 0:
            continue  # a line refunded away, free shipping: nothing to hold
        elif charge.kind is ChargeKind.SHIPPING and not shipping_rows:
            shipping.append(charge)
        else:
            services.append(replace(charge, quantity=Decimal(1)))
    fee, others = _shipping_fee(shipping)
    services += others
    if fee is not None and not items and not services:
        # An order needs a row; one that is only shipping gets a service row in place of the fee.
        services, fee = [fee], None
    if not items and not services:
        raise Unmappable(Reason.REFUNDED_BEFORE_IMPORT if charges.refunded else Reason.EMPTY_ORDER)
    return Plan(
        order=order,
        items=tuple(items),
        services=tuple(services),
        shipping=fee,
        discounts=tuple(discounts),
        total=charges.total,
        roundings=roundings,
        notes=tuple(_notes(charges)),
    )


def _notes(charges: Charges) -> Iterator[Note]:
    if charges.paid.amount:
        shown = f"{charges.paid.amount:.2f} by {charges.paid.what}"
        yield Note(Reason.PAID_BY_GIFT_CARD, shown)
    if charges.by_a_cent:
        yield Note(Reason.TAX_ROUNDING, ", ".join(charges.by_a_cent))


def _shipping_fee(lines: Sequence[Charge]) -> tuple[Charge | None, list[Charge]]:
    """One fee of one tax rate, the one with the most money; the other lines become rows."""
    groups: dict[TaxNeed, list[Charge]] = {}
    for line in lines:
        groups.setdefault(line.need, []).append(line)
    if not groups:
        return None, []
    chosen = max(groups.values(), key=lambda group: sum(charge.gross for charge in group))
    fee = replace(
        chosen[0],
        name=", ".join(dict.fromkeys(charge.name for charge in chosen)),
        net=sum((charge.net for charge in chosen), Decimal(0)),
        tax=sum((charge.tax for charge in chosen), Decimal(0)),
    )
    return fee, [charge for charge in lines if charge not in chosen]


def map_order(plan: Plan, resolved: Resolved, terms: Terms) -> Mapped:
    """Make the sales order. Raises `Unmappable` where discounts exceed rows and shipping."""
    with localcontext() as context:
        context.prec = 40
        return _map(plan, resolved, terms)


def _map(plan: Plan, resolved: Resolved, terms: Terms) -> Mapped:
    order = plan.order
    priced = [_discountable(charge, plan, resolved) for charge in (*plan.items, *plan.services)]
    shipping = _discountable(plan.shipping, plan, resolved) if plan.shipping else None
    tolerance = plan.roundings * Decimal(5).scaleb(-terms.decimals - 1)
    # a gift card for all of an order may exceed its unrounded sum by what the shop rounded
    most = tolerance if plan.total >= 0 else TEN_DECIMALS
    for discount in plan.discounts:
        excess = spread(discount, priced, shipping, inclusive=order.prices_include_tax)
        if excess > most:
            raise Unmappable(Reason.CANNOT_HOLD, f"{discount.name}: {discount.gross}")
    fee = _fee(shipping, resolved)
    fee_total = Decimal(fee.amount) * shipping.factor if fee and shipping else Decimal(0)
    rows = tuple(_row(each, resolved, terms) for each in priced)
    rows_total = total_of(rows, priced)
    short = plan.total - rows_total - fee_total
    if terms.match_totals and WORTH_MATCHING < abs(short) <= tolerance:
        with_short = matched(rows, priced, short)
        if with_short == rows and shipping is not None and shipping.gross + short >= 0:
            # it would make even the largest row negative: an order of little but shipping
            shipping.net += short / shipping.factor
            fee = _fee(shipping, resolved)
            fee_total = Decimal(fee.amount) * shipping.factor if fee else Decimal(0)
        rows, rows_total = with_short, total_of(with_short, priced)
    return Mapped(
        draft=_draft(order, rows, resolved, terms),
        fee=fee,
        total=rows_total + fee_total,
        rows_total=rows_total,
        expected=plan.total,
        tolerance=tolerance,
    )


def _discountable(charge: Charge, plan: Plan, resolved: Resolved) -> DiscountableRow:
    rate = resolved.tax_rates[charge.need].rate
    factor = 1 + rate / HUNDRED
    if plan.order.prices_include_tax:
        return DiscountableRow(charge, rate, charge.gross / factor, charge.full_gross / factor)
    return DiscountableRow(charge, rate, charge.net, charge.full_net)


def _row(row: DiscountableRow, resolved: Resolved, terms: Terms) -> RowDraft:
    charge = row.charge
    attributes = charge.attributes
    if charge.kind is ChargeKind.ITEM and charge.line_id in resolved.variants:
        variant_id = resolved.variants[charge.line_id]
    else:
        variant_id = resolved.service_variant_id
        if charge.kind is ChargeKind.SHIPPING and terms.shipping_rows:
            variant_id = resolved.shipping_variant_id or variant_id
        attributes = (("Name", plain(charge.name, 200) or SERVICE_NAME), *attributes)
    if terms.separate_discounts and row.full_net > row.net:
        price, discount = price_and_discount(row.full_net, row.discounted, charge.quantity)
    else:
        price = ten_decimals(row.net / charge.quantity)
        discount = ten_decimals(row.discount)
    if discount > charge.quantity * price:
        # a discount of the whole row, whose price per unit was rounded down
        discount = ten_decimals(charge.quantity * price, ROUND_DOWN)
    return RowDraft(
        variant_id=variant_id,
        quantity=charge.quantity,
        price_per_unit=price,
        tax_rate_id=resolved.tax_rates[charge.need].id,
        location_id=resolved.location_id,
        total_discount=discount or None,
        attributes=tuple(AttributeDraft(key=key, value=value) for key, value in attributes),
    )


def _fee(shipping: DiscountableRow | None, resolved: Resolved) -> ShippingFeeDraft | None:
    if shipping is None:
        return None
    amount = ten_decimals(shipping.discounted)
    if amount == 0:
        return None
    return ShippingFeeDraft(
        sales_order_id=0,
        amount=f"{amount:f}",
        tax_rate_id=resolved.tax_rates[shipping.charge.need].id,
        description=plain(shipping.charge.name, 200) or None,
    )


def _draft(
    order: Order, rows: tuple[RowDraft, ...], resolved: Resolved, terms: Terms
) -> SalesOrderDraft:
    created = order.created
    if created is None:
        raise Unmappable(Reason.UNREADABLE, "the order has no creation date")
    return SalesOrderDraft(
        order_no=terms.order_number_prefix + (clean(order.number, 100) or str(int(order.id))),
        customer_id=resolved.customer_id,
        location_id=resolved.location_id,
        currency=order.currency.strip().upper(),
        order_created_date=katana_time(created),
        delivery_date=katana_time(created + timedelta(days=terms.delivery_days)),
        ecommerce_order_type=WOOCOMMERCE,
        ecommerce_store_name=terms.identity,
        ecommerce_order_id=str(int(order.id)),
        status="NOT_SHIPPED",
        sales_order_rows=rows,
        addresses=address_drafts(order.billing, order.shipping),
        additional_info=additional_info(order, terms.info_meta) or None,
    )


def additional_info(order: Order, meta_keys: Sequence[str] = ()) -> str:
    """What has no field of its own: the customer's note, payment method, coupon codes, and the
    order meta of these keys (a delivery slot, a VAT number)."""
    coupons = ", ".join(clean(coupon.code) for coupon in order.coupon_lines if coupon.code)
    parts = (
        ("Customer's note", clean(order.customer_note)),
        ("Payment method", plain(order.payment_method_title)),
        ("Coupons", coupons),
        *chosen_meta(order.meta_data, meta_keys),
    )
    return "\n".join(f"{name}: {value}" for name, value in parts if value)


def katana_time(moment: datetime) -> str:
    """A UTC time as Katana's API takes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
