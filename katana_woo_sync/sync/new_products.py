"""Creating products in Katana, each once; several at a time where their SKUs tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.katana import Product, ProductDraft
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.create_once import create_once, create_together


class NewProduct(Struct, frozen=True):
    """A product that Katana lacks: what is sent, and `record`, which keeps what came of it.

    `key` names it in the ledger while it is not known whether it is there.
    """

    key: str
    draft: ProductDraft
    record: Callable[[Product], None]

    @property
    def skus(self) -> frozenset[str]:
        """The SKUs that it is to have."""
        return frozenset(variant.sku for variant in self.draft.variants if variant.sku)


def create_products(context: Context, wanted: Sequence[NewProduct]) -> None:
    """Create products of which Katana was asked for the SKUs and has none; the requests overlap.

    The first goes alone, so that a Katana in trouble is asked for one of them. Left to
    `create_product` are those without SKU, of one SKU with another, or begun before; and whatever
    failed.
    """
    distinct: list[NewProduct] = []
    skus: set[str] = set()
    for product in wanted:
        if product.skus and not (product.skus & skus or _is_begun(context, product)):
            distinct.append(product)
            skus |= product.skus
    if len(distinct) > 1 and not isinstance(_send(context, distinct[:1])[0], Exception):
        _send(context, distinct[1:])


def _is_begun(context: Context, product: NewProduct) -> bool:
    return context.ledger.intents.open(IntentKind.PRODUCT, product.key) is not None


def _send(context: Context, products: Sequence[NewProduct]) -> list[Product | Exception]:
    return create_together(
        context,
        IntentKind.PRODUCT,
        {product.key: _uncounted(context, product) for product in products},
        lambda: context.katana.create_products([product.draft for product in products]),
    )


def create_product(context: Context, product: NewProduct) -> Product:
    """Create a product, or find the one that was: with its SKUs, or with its mark.

    Raises `Unmappable` where Katana refuses it, `StillUnknown`, and a `ServiceError`.
    """
    katana, draft = context.katana, product.draft

    def find(_begun: datetime) -> Product | None:
        for found in katana.products(draft.name):
            same = {str(v.sku) for v in found.variants if v.sku} == product.skus
            marked = found.additional_info == draft.additional_info
            gone = found.deleted_at or found.archived_at or not found.variants
            if not gone and same and (product.skus or marked):
                return found
        return None

    # without a SKU nothing else tells of one that an earlier ledger knew
    there = None if product.skus else find(context.clock())
    if there is not None:
        with context.ledger.atomic():
            product.record(there)
        return there
    return create_item(
        context,
        IntentKind.PRODUCT,
        product.key,
        draft.name,
        find=find,
        create=lambda: katana.create_product(draft),
        record=_uncounted(context, product),
    )


def create_item(
    context: Context,
    kind: IntentKind,
    key: str,
    name: str,
    *,
    find: Callable[[datetime], Product | None],
    create: Callable[[], Product],
    record: Callable[[Product], None],
) -> Product:
    """As `create_once`, but that a refusal is one of this item. Raises `Unmappable` for that."""
    try:
        return create_once(context, kind, key, find=find, create=create, record=record)
    except BadRequest as error:
        detail = f"{name}: {error.reason}"
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, detail) from error


def _uncounted(context: Context, product: NewProduct) -> Callable[[Product], None]:
    """Besides: what was created here nobody has counted, so its stock says nothing yet."""

    def both(created: Product) -> None:
        product.record(created)
        context.ledger.stock.add_uncounted(int(v.id) for v in created.variants)

    return both
