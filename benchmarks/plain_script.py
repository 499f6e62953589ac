"""The least of the job, as a plain script with `katana-openapi-client` and `woocommerce`.

`benchmarks.throughput` runs it beside the program. It reads the Processing orders, creates the
customers and tax rates that Katana lacks, each order and its shipping fee, one after the other. It
keeps nothing, so a second run would import everything again; it looks at no lost answer, no odd
line and no cent.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from decimal import Decimal
from typing import cast

from katana_public_api_client import KatanaClient
from katana_public_api_client.api.customer import create_customer, get_all_customers
from katana_public_api_client.api.location import get_all_locations
from katana_public_api_client.api.sales_order import create_sales_order
from katana_public_api_client.api.sales_orders import create_sales_order_shipping_fee
from katana_public_api_client.api.tax_rate import create_tax_rate, get_all_tax_rates
from katana_public_api_client.api.variant import get_all_variants
from katana_public_api_client.models.create_customer_request import CreateCustomerRequest
from katana_public_api_client.models.create_sales_order_request import CreateSalesOrderRequest
from katana_public_api_client.models.create_sales_order_request_sales_order_rows_item import (
    CreateSalesOrderRequestSalesOrderRowsItem as OrderRow,
)
from katana_public_api_client.models.create_sales_order_shipping_fee_request import (
    CreateSalesOrderShippingFeeRequest,
)
from katana_public_api_client.models.create_tax_rate_request import CreateTaxRateRequest
from woocommerce import API  # type: ignore[import-untyped]

Json = dict[str, object]

PER_PAGE = 100


def processing(shop: API) -> list[Json]:
    """The open orders of a store."""
    found: list[Json] = []
    while True:
        params = {"status": "processing", "per_page": PER_PAGE, "offset": len(found)}
        page = shop.get("orders", params=params).json()
        found += page
        if len(page) < PER_PAGE:
            return found


class Row:
    """What the script reads of what Katana lists or created."""

    id: int
    email: str
    sku: str
    rate: float


def answered(answer: object) -> Row:
    """What Katana created; raises `RuntimeError` where it answered with an error."""
    if answer is None or type(answer).__name__.endswith("ErrorResponse"):
        raise RuntimeError(f"Katana refused: {answer}")
    return cast("Row", answer)


async def listed(asked: Awaitable[object]) -> list[Row]:
    """What Katana lists."""
    return cast("list[Row]", getattr(await asked, "data", []))


class Script:
    """Ids that were asked for or made: customers by e-mail, variants by SKU, rates by percent."""

    def __init__(self, katana: KatanaClient) -> None:
        self._katana = katana
        self._customers: dict[str, int] = {}
        self._variants: dict[str, int] = {}
        self._rates: dict[Decimal, int] = {}
        self._location = 0

    async def learn(self) -> None:
        """Ask for all that there is."""
        katana = self._katana
        for each in await listed(get_all_locations.asyncio(client=katana)):
            self._location = self._location or each.id
        for each in await listed(get_all_tax_rates.asyncio(client=katana)):
            self._rates[Decimal(str(each.rate))] = each.id
        for each in await listed(get_all_customers.asyncio(client=katana)):
            self._customers[each.email] = each.id
        for each in await listed(get_all_variants.asyncio(client=katana)):
            self._variants[each.sku] = each.id

    async def import_order(self, order: Json) -> None:
        """Create an order's customer, if new, the order, and its shipping fee."""
        lines = cast("list[Json]", order["line_items"])
        rows = [
            OrderRow(
                quantity=float(str(line["quantity"])),
                variant_id=self._variants[str(line["sku"])],
                tax_rate_id=await self._rate(line),
                location_id=self._location,
                price_per_unit=float(Decimal(str(line["total"])) / Decimal(str(line["quantity"]))),
            )
            for line in lines
        ]
        wanted = CreateSalesOrderRequest(
            order_no=str(order["number"]),
            customer_id=await self._customer(cast("Json", order["billing"])),
            sales_order_rows=rows,
            location_id=self._location,
            ecommerce_order_type="wooCommerce",
            ecommerce_store_name="plain.example",
            ecommerce_order_id=str(order["id"]),
        )
        created = answered(await create_sales_order.asyncio(client=self._katana, body=wanted))
        for shipping in cast("list[Json]", order["shipping_lines"]):
            await self._fee(created.id, shipping)

    async def _fee(self, sales_order_id: int, shipping: Json) -> None:
        fee = CreateSalesOrderShippingFeeRequest(
            sales_order_id=sales_order_id,
            amount=cast("float", str(shipping["total"])),  # Katana takes text
            description=str(shipping["method_title"]),
            tax_rate_id=await self._rate(shipping),
        )
        answer = await create_sales_order_shipping_fee.asyncio(client=self._katana, body=fee)
        answered(answer)

    async def _customer(self, billing: Json) -> int:
        email = str(billing["email"])
        if email not in self._customers:
            wanted = CreateCustomerRequest(
                name=f"{billing['first_name']} {billing['last_name']}", email=email
            )
            answer = await create_customer.asyncio(client=self._katana, body=wanted)
            self._customers[email] = answered(answer).id
        return self._customers[email]

    async def _rate(self, line: Json) -> int:
        total, tax = Decimal(str(line["total"])), Decimal(str(line["total_tax"]))
        percent = (tax / total * 100).quantize(Decimal(1)) if total else Decimal(0)
        if percent not in self._rates:
            wanted = CreateTaxRateRequest(rate=float(percent))
            answer = await create_tax_rate.asyncio(client=self._katana, body=wanted)
            self._rates[percent] = answered(answer).id
        return self._rates[percent]


async def main() -> None:
    """Import what is open. The addresses and keys come from the environment."""
    given = os.environ
    shop = API(
        url=given["STORE_URL"],
        consumer_key=given["STORE_KEY"],
        consumer_secret=given["STORE_SECRET"],
        timeout=30,
    )
    orders = processing(shop)
    async with KatanaClient(given["KATANA_KEY"], base_url=given["KATANA_URL"]) as katana:
        script = Script(cast("KatanaClient", katana))
        await script.learn()
        for order in orders:
            await script.import_order(order)


if __name__ == "__main__":
    asyncio.run(main())
