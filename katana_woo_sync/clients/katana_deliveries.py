"""The part of Katana's API that is about delivering: fulfilments, batches, stock."""

from __future__ import annotations

from collections.abc import Sequence

from katana_woo_sync.clients.katana_http import KatanaApi
from katana_woo_sync.domain.deliveries import BatchStock, Fulfillment, FulfillmentDraft
from katana_woo_sync.domain.stock import Inventory


class KatanaDeliveries(KatanaApi):
    """What a delivery needs that Katana does not do by itself."""

    def fulfillments(self, sales_order_id: int) -> tuple[Fulfillment, ...]:
        """The parts of a sales order that were packed or delivered."""
        params = (("sales_order_id", str(int(sales_order_id))),)
        parts = self._list("/sales_order_fulfillments", params, Fulfillment, whole=True)
        return tuple(p for p in parts if p.sales_order_id == sales_order_id and not p.deleted_at)

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
