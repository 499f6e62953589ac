"""What an order charges for, after refunds: the common form of items, fees and shipping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount
from katana_woo_sync.domain.payments import NOTHING, Payment, lines_of, paid
from katana_woo_sync.domain.taxes import HALF_A_CENT, NO_TAX, Part, TaxNeed, taxes_of
from katana_woo_sync.domain.text import visible_meta
from katana_woo_sync.domain.woocommerce import Line, LineItem, Order, Refund, RefundLine

ZERO = Decimal(0)


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
    """An order's charges after refunds, and what is left of its total, with tax.

    `paid` is what gift cards and store credit paid of it: the shop's total lacks it, `total` does
    not. `by_a_cent` has the labels of tax rates taken though they miss a tax by a cent.
    """

    charges: tuple[Charge, ...]
    total: Decimal
    refunded: Decimal
    rounded_in_refunds: int = 0
    paid: Payment = NOTHING
    by_a_cent: tuple[str, ...] = ()

    @property
    def roundings(self) -> int:
        """How many amounts a shop that rounds each line rounded on the way to its total."""
        return sum(charge.roundings for charge in self.charges) + self.rounded_by_a_cent

    @property
    def rounded_by_a_cent(self) -> int:
        """The roundings that make up the cents of `by_a_cent`."""
        return 2 * len(self.by_a_cent)


def charges_of(
    order: Order,
    refunds: Sequence[Refund],
    *,
    with_shipping: bool,
    with_fees: bool,
    decimals: int = 2,
    rounds_each_line: bool = True,
) -> Charges:
    """The charges of an order less what was refunded.

    Refunded lines take away their quantity and money; what a refund gives back beyond its lines
    is a negative charge of its own, to be spread over the rows. Shipping and fees that the
    settings leave out are taken off the expected total too. `decimals` are the shop's;
    `rounds_each_line` is false where it rounds tax at the subtotal.
    """
    lines = lines_of(order)
    taxes = taxes_of(lines, order.tax_lines, decimals=decimals, rounds_each_line=rounds_each_line)
    parts = {int(line.id): parts for line, parts in zip(lines, taxes.parts, strict=True)}
    payment = paid(order, decimals=decimals, rounds_each_line=rounds_each_line)
    total = order.total + payment.amount
    charges = [_item(line, parts[line.id]) for line in order.line_items]
    left_out: set[int] = set()
    for kind, others, wanted in (
        (ChargeKind.FEE, order.fee_lines, with_fees),
        (ChargeKind.SHIPPING, order.shipping_lines, with_shipping),
    ):
        for line in others:
            if line.id in payment.fees:
                continue
            if wanted:
                charges.append(_other(kind, line, parts[line.id]))
            else:
                total -= line.gross
                left_out.add(int(line.id))
    goods = {int(line.id): line for line in lines if line.id not in payment.fees}
    of_refunds = [_refunded(refund, goods) for refund in refunds]
    refunded = ZERO
    for refund in of_refunds:
        # what was given back of a line that is left out was never expected
        total += sum(line.gross for line in refund.lines if line.line_id in left_out)
        # what its lines take beyond its amount went back onto the gift card
        beyond = max(ZERO, sum((line.gross for line in refund.lines), ZERO) - refund.amount)
        refunded += refund.amount + min(beyond, payment.amount)
    after = _after_refunds(charges, of_refunds)
    return Charges(
        tuple(piece for charge in after for piece in _pieces(charge, parts)),
        total - refunded,
        refunded,
        sum(1 + len(line.taxes) for refund in refunds for line in refund.lines),
        payment,
        taxes.by_a_cent,
    )


def _item(line: LineItem, parts: Sequence[Part]) -> Charge:
    return Charge(
        kind=ChargeKind.ITEM,
        line_id=line.id,
        name=line.name,
        quantity=Decimal(line.quantity),
        net=Decimal(line.total),
        tax=Decimal(line.total_tax),
        need=parts[0].need,
        attributes=visible_meta(line.meta_data),
        full_net=Decimal(line.subtotal),
        full_tax=Decimal(line.subtotal_tax),
        roundings=1 + len(line.taxes),
    )


def _other(kind: ChargeKind, line: Line, parts: Sequence[Part]) -> Charge:
    name = getattr(line, "name", "") or getattr(line, "method_title", "")
    return Charge(
        kind=kind,
        line_id=line.id,
        name=name or kind.value.capitalize(),
        quantity=Decimal(1),
        net=Decimal(line.total),
        tax=Decimal(line.total_tax),
        need=parts[0].need,
        roundings=1 + len(line.taxes),
    )


def _pieces(charge: Charge, parts: Mapping[int, Sequence[Part]]) -> list[Charge]:
    """A charge that bears several tax rates by shares, in pieces of one rate each. The goods
    themselves are the first piece; the others are money alone."""
    shares = parts.get(charge.line_id, ())
    if charge.kind is ChargeKind.REFUND or len(shares) < 2:
        return [charge]
    largest = max(shares, key=lambda part: part.net)
    pieces = []
    for part in sorted(shares, key=lambda part: part is not largest):
        is_first = part is largest
        is_item = charge.kind is ChargeKind.ITEM
        pieces.append(
            replace(
                charge,
                kind=ChargeKind.FEE if is_item and not is_first else charge.kind,
                quantity=charge.quantity if is_first or not is_item else Decimal(1),
                net=charge.net * part.net,
                tax=charge.tax * part.tax,
                full_net=charge.full_net * part.net,
                full_tax=charge.full_tax * part.tax,
                need=part.need,
                attributes=charge.attributes if is_first else (),
                roundings=charge.roundings if is_first else 0,
            )
        )
    return pieces


class _RefundedLine(Struct, frozen=True):
    """What a refund takes off a line: quantity, and money of the line's own sign."""

    line_id: int
    quantity: Decimal
    net: Decimal
    tax: Decimal
    roundings: int

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


class _Refunded(Struct, frozen=True):
    """What a refund takes away: an amount with tax, and what of it comes off which lines."""

    amount: Decimal
    lines: tuple[_RefundedLine, ...]


def refunds_of(order: Order, refunds: Sequence[Refund]) -> tuple[Refund, ...]:
    """An order's refunds with what only the order itself says of them: under HPOS their own list
    may lack some, or hold errors in their place."""
    listed = {int(refund.id): refund for refund in refunds}
    for summary in order.refunds:
        known = listed.get(int(summary.id), Refund(id=summary.id))
        amount = max(abs(known.amount), abs(summary.total))
        listed[int(summary.id)] = replace(known, amount=Amount(amount))
    return tuple(listed[refund_id] for refund_id in sorted(listed))


def _refunded(refund: Refund, lines: Mapping[int, Line]) -> _Refunded:
    """A refund takes away, whatever sign its numbers have: WooCommerce's Point of Sale stored
    quantities and amounts positive."""
    return _Refunded(
        abs(Decimal(refund.amount)),
        tuple(
            _refunded_line(line, lines[line.refunded_item_id])
            for line in refund.lines
            if line.refunded_item_id in lines
        ),
    )


def _refunded_line(line: RefundLine, refunded: Line) -> _RefundedLine:
    # what is taken off a negative fee is negative as well
    net = abs(line.total).copy_sign(refunded.total)
    tax = abs(line.total_tax).copy_sign(refunded.total_tax or refunded.total)
    return _RefundedLine(line.refunded_item_id, abs(line.quantity), net, tax, 1 + len(line.taxes))


def _after_refunds(charges: Sequence[Charge], refunds: Iterable[_Refunded]) -> list[Charge]:
    by_line = {charge.line_id: charge for charge in charges}
    loose: list[Charge] = []
    for refund in refunds:
        beyond_lines = refund.amount - sum((line.gross for line in refund.lines), ZERO)
        for line in refund.lines:
            charge = by_line.get(line.line_id)
            if charge is not None:
                by_line[charge.line_id] = _less(charge, line)
        if beyond_lines > HALF_A_CENT:
            loose.append(
                Charge(ChargeKind.REFUND, 0, "Refund", Decimal(1), -beyond_lines, ZERO, NO_TAX)
            )
    return [by_line[charge.line_id] for charge in charges] + loose


def _less(charge: Charge, line: _RefundedLine) -> Charge:
    quantity = charge.quantity
    if charge.kind is ChargeKind.ITEM:
        quantity -= line.quantity
    # a refund does not say what of it was undiscounted: the other pieces keep their share
    share = quantity / charge.quantity if charge.quantity else Decimal(1)
    return replace(
        charge,
        quantity=quantity,
        full_net=charge.full_net * share,
        full_tax=charge.full_tax * share,
        net=charge.net - line.net,
        tax=charge.tax - line.tax,
        roundings=charge.roundings + line.roundings,
    )
