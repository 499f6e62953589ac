"""What an order charges for, after refunds: the common form of items, fees and shipping."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.taxes import HALF_A_CENT, NO_TAX, TaxNeed, tax_need
from katana_woo_sync.domain.text import visible_meta
from katana_woo_sync.domain.woocommerce import Line, LineItem, Order, Refund, RefundLine


class ChargeKind(Enum):
    """Where a charge comes from."""

    ITEM = "item"
    FEE = "fee"
    SHIPPING = "shipping"
    REFUND = "refund"


class Charge(Struct, frozen=True):
    """An amount that the customer pays (or, if negative, is given), in the order's currency.

    `net` is without tax and for the whole quantity; `tax` is its tax as the shop rounded it.
    `full_net` and `full_tax` are the same before the line's discount. `roundings` counts the
    amounts in it that the shop rounded to its own decimals.
    """

    kind: ChargeKind
    line_id: int
    name: str
    quantity: Decimal
    net: Decimal
    tax: Decimal
    need: TaxNeed
    attributes: tuple[tuple[str, str], ...] = ()
    full_net: Decimal = Decimal(0)
    full_tax: Decimal = Decimal(0)
    roundings: int = 1

    @property
    def gross(self) -> Decimal:
        """The amount with its tax."""
        return self.net + self.tax

    @property
    def full_gross(self) -> Decimal:
        """The amount with its tax, before the line's discount."""
        return self.full_net + self.full_tax


class Charges(Struct, frozen=True):
    """An order's charges after refunds, and what is left of its total, with tax."""

    charges: tuple[Charge, ...]
    total: Decimal
    refunded: Decimal
    rounded_in_refunds: int = 0

    @property
    def roundings(self) -> int:
        """How many amounts a shop that rounds each line rounded on the way to its total."""
        return sum(charge.roundings for charge in self.charges)


def charges_of(
    order: Order, refunds: Sequence[Refund], *, with_shipping: bool, with_fees: bool
) -> Charges:
    """The charges of an order less what was refunded.

    Refunded lines take away their quantity and money; what a refund gives back beyond its lines
    is a negative charge of its own, to be spread over the rows. Shipping and fees that the
    settings leave out are taken off the expected total too.
    """
    taxes = {str(t.rate_id): t for t in order.tax_lines}
    charges = [_item(line, tax_need(line, taxes)) for line in order.line_items]
    total = Decimal(order.total)
    left_out: set[int] = set()
    for kind, lines, wanted in (
        (ChargeKind.FEE, order.fee_lines, with_fees),
        (ChargeKind.SHIPPING, order.shipping_lines, with_shipping),
    ):
        for line in lines:
            if wanted:
                charges.append(_other(kind, line, tax_need(line, taxes)))
            else:
                total -= line.gross
                left_out.add(line.id)
    refunded = sum((refund.amount for refund in refunds), Decimal(0))
    for refund in refunds:
        # what was given back of a line that is left out was never expected
        total -= sum(x.gross for x in refund.lines if x.refunded_item_id in left_out)
    after = _after_refunds(charges, refunds, left_out)
    rounded = sum(1 + len(line.taxes) for refund in refunds for line in refund.lines)
    return Charges(tuple(after), total - refunded, refunded, rounded)


def _item(line: LineItem, need: TaxNeed) -> Charge:
    return Charge(
        kind=ChargeKind.ITEM,
        line_id=line.id,
        name=line.name,
        quantity=Decimal(line.quantity),
        net=Decimal(line.total),
        tax=Decimal(line.total_tax),
        need=need,
        attributes=visible_meta(line.meta_data),
        full_net=Decimal(line.subtotal),
        full_tax=Decimal(line.subtotal_tax),
        roundings=1 + len(line.taxes),
    )


def _other(kind: ChargeKind, line: Line, need: TaxNeed) -> Charge:
    name = getattr(line, "name", "") or getattr(line, "method_title", "")
    return Charge(
        kind=kind,
        line_id=line.id,
        name=name or kind.value.capitalize(),
        quantity=Decimal(1),
        net=Decimal(line.total),
        tax=Decimal(line.total_tax),
        need=need,
        roundings=1 + len(line.taxes),
    )


def _after_refunds(
    charges: Sequence[Charge], refunds: Iterable[Refund], left_out: Container[int]
) -> list[Charge]:
    by_line = {charge.line_id: charge for charge in charges}
    loose: list[Charge] = []
    for refund in refunds:
        left = Decimal(refund.amount)
        for line in refund.lines:
            charge = by_line.get(line.refunded_item_id)
            if charge is not None:
                by_line[charge.line_id] = _less(charge, line)
            if charge is not None or line.refunded_item_id in left_out:
                left += line.gross  # a refunded line's amounts are negative
        if left > HALF_A_CENT:
            loose.append(
                Charge(ChargeKind.REFUND, 0, "Refund", Decimal(1), -left, Decimal(0), NO_TAX)
            )
    return [by_line[charge.line_id] for charge in charges] + loose


def _less(charge: Charge, line: RefundLine) -> Charge:
    quantity = charge.quantity
    if charge.kind is ChargeKind.ITEM:
        quantity += line.quantity
    # a refund does not tell what of it was undiscounted: the pieces that are left keep their share
    share = quantity / charge.quantity if charge.quantity else Decimal(1)
    return replace(
        charge,
        quantity=quantity,
        full_net=charge.full_net * share,
        full_tax=charge.full_tax * share,
        net=charge.net + line.total,
        tax=charge.tax + line.total_tax,
        roundings=charge.roundings + 1 + len(line.taxes),
    )
