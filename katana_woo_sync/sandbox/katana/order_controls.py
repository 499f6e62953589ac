"""What a person, or another program, does to the sandbox Katana's sales orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import UNSET

from katana_woo_sync.sandbox.katana import contract, money, orders, parts
from katana_woo_sync.sandbox.katana.catalogue_controls import Controls
from katana_woo_sync.sandbox.katana.fulfillment import set_status
from katana_woo_sync.sandbox.katana.records import Fulfillment, SalesOrder, ShippingFee

KATANAS_OWN_TYPE = "wooCommerce"
"""`ecommerce_order_type` as Katana's own WooCommerce integration writes it."""


class OrderControls(Controls):
    """Working on and reading sales orders."""

    def create_foreign_order(
        self,
        *,
        customer_id: int,
        rows: Sequence[tuple[int, Decimal, Decimal]],
        order_no: str | None = None,
        ecommerce_order_type: str | None = KATANAS_OWN_TYPE,
        ecommerce_store_name: str | None = None,
        ecommerce_order_id: str | None = None,
        currency: str | None = None,
        location_id: int | None = None,
        tax_rate_id: int | None = None,
        status: str = "NOT_SHIPPED",
        order_created_date: datetime | None = None,
        additional_info: str | None = None,
        bill_to: tuple[str, str] | None = None,
    ) -> int:
        """Add an order as another program does, such as Katana's own integration; give its id.

        `rows` holds variant id, quantity and price per unit without tax. With a `status` of PACKED
        or DELIVERED it is worked on at once. `bill_to` is a first and last name. Raises `Refusal`
        where Katana would refuse it.
        """
        created = None if order_created_date is None else order_created_date.isoformat()
        body = contract.NewSalesOrder(
            customer_id=customer_id,
            sales_order_rows=tuple(
                contract.NewRow(
                    variant_id=variant_id,
                    quantity=quantity,
                    price_per_unit=price,
                    tax_rate_id=tax_rate_id or UNSET,
                )
                for variant_id, quantity, price in rows
            ),
            order_no=order_no or UNSET,
            order_created_date=created or UNSET,
            currency=currency or UNSET,
            location_id=location_id or UNSET,
            status="PENDING" if status == "PENDING" else "NOT_SHIPPED",
            additional_info=additional_info,
            addresses=_bill_to(bill_to),
            ecommerce_order_type=ecommerce_order_type,
            ecommerce_store_name=ecommerce_store_name,
            ecommerce_order_id=ecommerce_order_id,
        )
        with self._state.lock:
            order = orders.create(self._state, body)
            if status in ("PACKED", "DELIVERED"):
                self._set_status(order.id, status)
            return order.id

    def leave_batches_to_others(self) -> None:
        """From now on refuse to deliver orders of batch-tracked goods that name no batches."""
        self._state.assigns_batches = False

    def leave_updated_at_alone(self) -> None:
        """From now on packing and delivering do not move the `updated_at` of a sales order."""
        self._state.deliveries_are_changes = False

    def lag_lists(self, lag: timedelta) -> None:
        """From now on list a sales order only so long after its creation; its number is taken, and
        it answers by its id, at once."""
        self._state.list_lag = lag

    def deliver(self, order_id: int, *, picked_date: datetime | None = None) -> None:
        """Deliver all that is left. Raises `Refusal` where Katana would refuse it."""
        self._set_status(order_id, "DELIVERED", picked_date)

    def pack(self, order_id: int) -> None:
        """Pack all that is left. Raises `Refusal` where Katana would refuse it."""
        self._set_status(order_id, "PACKED")

    def revert(self, order_id: int) -> None:
        """Take back all that was packed or delivered."""
        self._set_status(order_id, "NOT_SHIPPED")

    def deliver_part(self, order_id: int, quantity: Decimal = Decimal(1), *, row: int = 0) -> None:
        """Deliver so much of the order's row (0 is the first). Raises `Refusal` as Katana would."""
        self._add_part(order_id, quantity, row, "DELIVERED")

    def pack_part(self, order_id: int, quantity: Decimal = Decimal(1), *, row: int = 0) -> None:
        """Pack so much of the order's row (0 is the first). Raises `Refusal` as Katana would."""
        self._add_part(order_id, quantity, row, "PACKED")

    def delete_order(self, order_id: int) -> None:
        """Delete the order."""
        with self._state.lock:
            orders.delete(self._state, order_id)

    def set_production(self, order_id: int, status: str) -> None:
        """Have production of the order's items begin or end, such as "IN_PROGRESS" or "DONE"."""
        with self._state.lock:
            order = self.sales_order(order_id)
            self._state.orders.put(replace(order, production_status=status))

    def track(self, order_id: int, number: str, *, carrier: str = "", url: str = "") -> None:
        """Enter how the order's parcels were sent."""
        with self._state.lock:
            for part in self._state.fulfillments_of(order_id):
                sent = replace(
                    part,
                    tracking_number=number,
                    tracking_carrier=carrier or None,
                    tracking_url=url or None,
                )
                self._state.fulfillments.put(sent)

    def rename_order(self, order_id: int, order_no: str) -> None:
        """Give the order another number. Raises `Refusal` if another order has it."""
        self._patch(order_id, contract.SalesOrderPatch(order_no=order_no))

    def edit_order(self, order_id: int, *, additional_info: str) -> None:
        """Change something about the order that no other program should mind."""
        self._patch(order_id, contract.SalesOrderPatch(additional_info=additional_info))

    def set_price(self, order_id: int, price_per_unit: Decimal, *, row: int = 0) -> None:
        """Change the price of the order's row (0 is the first), which changes its total."""
        with self._state.lock:
            order = self.sales_order(order_id)
            changed = list(order.rows)
            changed[row] = replace(changed[row], price_per_unit=money.price(price_per_unit))
            self._state.touch(self._state.orders, replace(order, rows=tuple(changed)))

    def sales_orders(self) -> list[SalesOrder]:
        """Every order, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.orders)

    def sales_order(self, order_id: int) -> SalesOrder:
        """The order, also when it is deleted. Raises `LookupError` if there never was one."""
        with self._state.lock:
            order = self._state.orders.get(order_id)
        if order is None:
            raise LookupError(f"the sandbox has no sales order {order_id}")
        return order

    def shipping_fees(self, order_id: int) -> list[ShippingFee]:
        """The order's shipping fees, newest first, without deleted ones."""
        with self._state.lock:
            return self._state.fees_of(order_id)

    def fulfillments(self, order_id: int) -> list[Fulfillment]:
        """The order's fulfilments, oldest first, without those taken back."""
        with self._state.lock:
            return self._state.fulfillments_of(order_id)

    def order_total(self, order_id: int) -> Decimal:
        """The order's total with tax and shipping, unrounded, in the order's currency."""
        with self._state.lock:
            return money.order_total(self.sales_order(order_id), self._state)

    def _set_status(self, order_id: int, status: str, picked_date: datetime | None = None) -> None:
        with self._state.lock:
            set_status(
                self._state,
                orders.live_order(self._state, order_id),
                status,
                picked_date=picked_date,
                shortage_refused=self._shortage_refused,
            )

    def _add_part(
        self, order_id: int, quantity: Decimal, row: int, status: contract.FulfillmentStatus
    ) -> None:
        with self._state.lock:
            order = orders.live_order(self._state, order_id)
            picked = contract.NewFulfillmentRow(
                sales_order_row_id=order.rows[row].id, quantity=quantity
            )
            body = contract.NewFulfillment(
                sales_order_id=order_id, status=status, sales_order_fulfillment_rows=(picked,)
            )
            parts.create(self._state, body, shortage_refused=self._shortage_refused)

    def _patch(self, order_id: int, body: contract.SalesOrderPatch) -> None:
        with self._state.lock:
            orders.patch(self._state, order_id, body, shortage_refused=self._shortage_refused)


def _bill_to(name: tuple[str, str] | None) -> tuple[contract.Address, ...]:
    if name is None:
        return ()
    return (contract.Address(entity_type="billing", first_name=name[0], last_name=name[1]),)
