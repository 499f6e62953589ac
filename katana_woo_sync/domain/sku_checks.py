"""What `check` finds about SKUs: double, alike but for case, missing on one side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from katana_woo_sync.domain.checks import Finding, error, named, ok, warning
from katana_woo_sync.domain.katana import Variant
from katana_woo_sync.domain.products import VARIABLE, is_gone, own_sku, skus_in_katana
from katana_woo_sync.domain.stock import are_one_product
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import Order, Product, StockItem

KATANA = "Katana"
T = TypeVar("T")


def in_katana(variants: Iterable[Variant]) -> list[Finding]:
    """SKUs that several of Katana's items share, or that differ from another only in case."""
    skus = [str(v.sku) for v in variants if v.sku and not is_gone(v)]
    double, alike = _double(skus), _alike(skus)
    findings = []
    if double:
        findings.append(
            warning(
                KATANA,
                "SKUs",
                f"several items share a SKU: {named(double)}",
                "Leave each SKU to one item in Katana",
            )
        )
    if alike:
        findings.append(
            warning(
                KATANA,
                "SKUs",
                f"SKUs differ only in case: {named(alike)}",
                "If they mean one item, leave it one SKU: Katana takes them for two",
            )
        )
    return findings or [ok(KATANA, "SKUs", f"{len(skus)}, each of one item")]


def in_shop(
    store: str, products: Sequence[StockItem], variations: Sequence[StockItem]
) -> list[Finding]:
    """SKUs that several products of a shop share, and variations without a SKU of their own.

    Translations of a product, which share its quantity too, are no double.
    """
    parents = {int(p.id): p for p in products}
    own = [(v, _of_its_own(v, parents.get(int(v.parent_id)))) for v in variations]
    singles = [(p, str(p.sku)) for p in products if p.sku and p.type not in VARIABLE]
    skus: list[str] = []
    for same in _groups((sku, item) for item, sku in (*singles, *own) if sku):
        skus += [str(item.sku) for item in (same[:1] if are_one_product(same) else same)]
    double = [*_double(skus), *_alike(skus)]
    bare = [_name(v, parents.get(int(v.parent_id))) for v, sku in own if not sku]
    findings = []
    if double:
        findings.append(
            warning(
                store,
                "SKUs in the shop",
                f"several products or variations share a SKU, or differ only in case: "
                f"{named(double)}",
                "Give each its own SKU in the shop; those of one SKU are one item in Katana",
            )
        )
    if bare:
        findings.append(
            warning(
                store,
                "SKUs in the shop",
                f"{len(bare)} variations have no SKU of their own: {named(bare)}",
                "Give each variation its own SKU in the shop, else it is not found in Katana",
            )
        )
    return findings or [ok(store, "SKUs in the shop", f"{len(skus)}, each of one product")]


def against_katana(
    store: str,
    products: Sequence[Product],
    variations: Sequence[Product],
    variants: Sequence[Variant],
    aliases: Mapping[str, str],
) -> list[Finding]:
    """SKUs of the shop that Katana has on several items, or writes in another case."""
    tested = "SKUs in both"
    living = [str(v.sku) for v in variants if v.sku and not is_gone(v)]
    skus = _skus(products, variations)
    double, pairs, missing = _clashes(skus, living, aliases)
    findings = []
    if double:
        findings.append(
            error(
                store,
                tested,
                f"several items in Katana have the SKU, so orders with it wait for a person: "
                f"{named(double)}",
                "Leave each SKU to one item in Katana",
            )
        )
    if pairs:
        findings.append(
            error(
                store,
                tested,
                f"SKUs differ from Katana's only in case, which makes them other items: "
                f"{named(pairs)}",
                "Write them alike on both sides, or pair them under [sku_aliases] in the config",
            )
        )
    there = f"{len(skus) - len(missing)} of {len(skus)} are in Katana, each one item"
    lacking = f"; not there yet: {named(missing)}" if missing else ""
    return findings or [ok(store, tested, there + lacking)]


def _skus(products: Sequence[Product], variations: Sequence[Product]) -> list[str]:
    """The SKUs that are sold, each once."""
    parents = {int(p.id): p for p in products}
    own = [_of_its_own(v, parents.get(int(v.parent_id))) for v in variations]
    singles = [str(p.sku) for p in products if p.type not in VARIABLE]
    return [sku for sku in dict.fromkeys([*singles, *own]) if sku]


def _clashes(
    skus: Sequence[str], living: Sequence[str], aliases: Mapping[str, str]
) -> tuple[list[str], list[str], list[str]]:
    """The SKUs that Katana has several times, those that it writes in another case, and those that
    it lacks."""
    times, folded = Counter(living), {sku.casefold(): sku for sku in living}
    double, pairs, missing = [], [], []
    for sku in skus:
        wanted = skus_in_katana(sku, aliases)
        found = next((each for each in wanted if each in times), None)
        if found is not None and times[found] > 1:
            double.append(found)
        if found is not None:
            continue
        other = next((folded[w.casefold()] for w in wanted if w.casefold() in folded), None)
        if other is None:
            missing.append(sku)
        else:
            pairs.append(f"{sku} (Katana: {other})")
    return double, pairs, missing


def on_open_orders(
    store: str,
    orders: Sequence[Order],
    products: Mapping[int, Product],
    variants: Sequence[Variant],
    aliases: Mapping[str, str],
    *,
    creates: bool,
) -> Finding:
    """Products on open orders that Katana lacks. `creates` tells whether they would be created."""
    tested = "open orders"
    known = {str(v.sku) for v in variants if v.sku and not is_gone(v)}
    missing: dict[str, None] = {}
    for order in orders:
        for line in order.line_items:
            wanted = skus_in_katana(own_sku(line, products.get(int(line.product_id))), aliases)
            if not known.intersection(wanted):
                missing[wanted[0] if wanted else f"{plain(line.name, 60)} (no SKU)"] = None
    count = "1 open order" if len(orders) == 1 else f"{len(orders)} open orders"
    if not missing:
        return ok(store, tested, f"Katana has all that is on {count}")
    found = f"Katana lacks what is on {count}: {named(missing)}"
    if creates:
        return warning(
            store,
            tested,
            f"{found}; it is created with the first order",
            "Nothing, if these are new to Katana; if it has them under another SKU, correct the "
            "SKU, or pair the two under [sku_aliases] in the config",
        )
    return error(
        store,
        tested,
        f"{found}, and create_products is false",
        "Create them in Katana, or correct the SKU in the shop",
    )


def _of_its_own(variation: Product, parent: Product | None) -> str:
    """A variation's own SKU: one without shows its parent's."""
    if parent is not None and variation.sku == parent.sku:
        return ""
    return str(variation.sku)


def _name(variation: Product, parent: Product | None) -> str:
    name = plain(parent.name, 60) if parent is not None else f"product {variation.parent_id}"
    options = ", ".join(plain(attribute.option, 30) for attribute in variation.attributes)
    return f"{name} ({options})" if options else name


def _double(skus: Iterable[str]) -> list[str]:
    """The SKUs that occur more than once."""
    return [same[0] for same in _groups((sku, sku) for sku in skus) if len(same) > 1]


def _alike(skus: Iterable[str]) -> list[str]:
    """SKUs that differ only in case, each as "a / A"."""
    groups = _groups((sku.casefold(), sku) for sku in dict.fromkeys(skus))
    return [" / ".join(alike) for alike in groups if len(alike) > 1]


def _groups(pairs: Iterable[tuple[str, T]]) -> list[list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return list(groups.values())
