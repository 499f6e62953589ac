"""Creating customers, products, services, variants and tax rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from msgspec import UNSET, UnsetType

from katana_woo_sync.sandbox.katana import contract
from katana_woo_sync.sandbox.katana.checks import check_currency, check_length, new_addresses
from katana_woo_sync.sandbox.katana.errors import Checks, not_found
from katana_woo_sync.sandbox.katana.records import Address, Config, Customer, Item, TaxRate, Variant
from katana_woo_sync.sandbox.katana.state import State

LONGEST_REFERENCE = 100
"""Katana keeps no longer `reference_id`."""


def create_customer(state: State, body: contract.NewCustomer) -> Customer:
    """`POST /customers`."""
    checks = Checks()
    check_currency(checks, "/currency", body.currency or UNSET)
    check_length(checks, "/reference_id", body.reference_id, LONGEST_REFERENCE)
    checks.done()
    now = state.now()
    addresses = new_addresses(state, body.addresses or ())
    return state.customers.put(
        Customer(
            id=state.customers.new_id(),
            created_at=now,
            updated_at=now,
            name=body.name,
            first_name=body.first_name or None,
            last_name=body.last_name or None,
            company=body.company or None,
            email=body.email or None,
            phone=body.phone or None,
            comment=body.comment or None,
            currency=body.currency or state.base_currency,
            reference_id=body.reference_id or None,
            category=body.category or None,
            discount_rate=_sent(body.discount_rate),
            default_billing_id=_default_address(addresses, "billing"),
            default_shipping_id=_default_address(addresses, "shipping"),
            addresses=addresses,
        )
    )


def patch_customer(state: State, customer_id: int, body: contract.CustomerPatch) -> Customer:
    """`PATCH /customers/{id}`: only what was sent changes."""
    customer = state.customers.live(customer_id)
    if customer is None:
        raise not_found("Customer", customer_id)
    checks = Checks()
    check_currency(checks, "/currency", body.currency)
    check_length(checks, "/reference_id", body.reference_id, LONGEST_REFERENCE)
    checks.done()
    changed = replace(
        customer,
        name=body.name or customer.name,
        first_name=_kept(body.first_name, customer.first_name),
        last_name=_kept(body.last_name, customer.last_name),
        company=_kept(body.company, customer.company),
        email=_kept(body.email, customer.email),
        phone=_kept(body.phone, customer.phone),
        comment=_kept(body.comment, customer.comment),
        currency=body.currency or customer.currency,
        reference_id=_kept(body.reference_id, customer.reference_id),
        category=_kept(body.category, customer.category),
        discount_rate=customer.discount_rate
        if body.discount_rate is UNSET
        else _sent(body.discount_rate),
        default_shipping_id=body.default_shipping_id or customer.default_shipping_id,
    )
    return state.touch(state.customers, changed)


def create_product(state: State, body: contract.NewProduct) -> Item:
    """`POST /products`, with its variants."""
    checks = Checks()
    configs = [(config.name, config.values) for config in body.configs or ()]
    _check_variants(state, checks, body.variants)
    for index, variant in enumerate(body.variants):
        path = f"/variants/{index}/config_attributes"
        _check_attributes(checks, configs, variant.config_attributes or (), path)
    _check_options_differ(checks, body.variants)
    checks.done()
    now = state.now()
    item = state.items.put(
        Item(
            id=state.items.new_id(),
            created_at=now,
            updated_at=now,
            kind="product",
            name=body.name,
            uom=body.uom or "pcs",
            category_name=body.category_name or None,
            is_sellable=body.is_sellable is not False,
            is_producible=bool(body.is_producible),
            is_purchasable=body.is_purchasable is not False,
            is_auto_assembly=bool(body.is_auto_assembly),
            batch_tracked=bool(body.batch_tracked),
            serial_tracked=bool(body.serial_tracked),
            operations_in_sequence=bool(body.operations_in_sequence),
            default_supplier_id=body.default_supplier_id or None,
            additional_info=body.additional_info or "",
            purchase_uom=body.purchase_uom or None,
            purchase_uom_conversion_rate=body.purchase_uom_conversion_rate or None,
            configs=tuple(
                Config(id=next(state.config_ids), name=name, values=values)
                for name, values in configs
            ),
        )
    )
    for variant in body.variants:
        _put_variant(state, item, variant)
    return item


def patch_product(state: State, product_id: int, body: contract.ProductPatch) -> Item:
    """`PATCH /products/{id}`: flags that are left out become false, and `additional_info` blank."""
    product = state.items.live(product_id)
    if product is None or product.kind != "product":
        raise not_found("Product", product_id)
    named = {config.id: config for config in product.configs}
    configs = [] if isinstance(body.configs, UnsetType) else list(body.configs)
    checks = Checks()
    for index, given in enumerate(configs):
        known = isinstance(given.id, UnsetType) or int(given.id) in named
        checks.require(known, f"/configs/{index}/id", "notFound", f"config {given.id} is not here")
    checks.done()
    changed = replace(
        product,
        name=body.name or product.name,
        uom=body.uom or product.uom,
        category_name=_kept(body.category_name, product.category_name),
        is_sellable=body.is_sellable,
        is_producible=body.is_producible,
        is_purchasable=body.is_purchasable,
        is_auto_assembly=body.is_auto_assembly,
        batch_tracked=body.batch_tracked,
        serial_tracked=body.serial_tracked,
        operations_in_sequence=body.operations_in_sequence,
        additional_info=""
        if isinstance(body.additional_info, UnsetType)
        else body.additional_info or "",
        configs=tuple(_patched(state, given, named) for given in configs) or product.configs,
    )
    return state.touch(state.items, changed)


def _patched(state: State, given: contract.ConfigPatch, named: dict[int, Config]) -> Config:
    old = None if isinstance(given.id, UnsetType) else named[int(given.id)]
    name = given.name or (old.name if old else "")
    return Config(id=old.id if old else next(state.config_ids), name=name, values=given.values)


def create_variant(state: State, body: contract.NewVariant) -> Variant:
    """`POST /variants`: one more variant of a product or material."""
    checks = Checks()
    item = _parent(state, checks, body)
    if item is not None:
        configs = [(config.name, config.values) for config in item.configs]
        attributes = body.config_attributes or ()
        _check_attributes(checks, configs, attributes, "/config_attributes")
        options = {(a.config_name, a.config_value) for a in attributes}
        taken = [set(variant.config_attributes) for variant in state.variants_of(item)]
        message = "the product has a variant of these config_attributes"
        checks.require(options not in taken, "/config_attributes", "unique", message)
    _check_sku(state, checks, body.sku, "/sku")
    checks.done()
    if item is None:
        raise AssertionError("a parent that is missing was refused")
    state.touch(state.items, item)
    return _put_variant(state, item, body)


def create_service(state: State, body: contract.NewService) -> Item:
    """`POST /services`: an item without stock, of one variant."""
    checks = Checks()
    _check_variants(state, checks, body.variants)
    checks.done()
    now = state.now()
    item = state.items.put(
        Item(
            id=state.items.new_id(),
            created_at=now,
            updated_at=now,
            kind="service",
            name=body.name,
            uom=body.uom or "pcs",
            category_name=body.category_name or None,
            is_sellable=body.is_sellable is not False,
            additional_info=body.additional_info or "",
        )
    )
    for variant in body.variants:
        _put_variant(state, item, variant)
    return item


def create_tax_rate(state: State, body: contract.NewTaxRate) -> TaxRate:
    """`POST /tax_rates`; Katana takes a percentage that it already has."""
    now = state.now()
    return state.tax_rates.put(
        TaxRate(
            id=state.tax_rates.new_id(),
            created_at=now,
            updated_at=now,
            rate=body.rate,
            name=body.name or "",
        )
    )


def _kept(value: str | UnsetType | None, old: str | None) -> str | None:
    return old if isinstance(value, UnsetType) else value


def _sent(value: Decimal | UnsetType | None) -> Decimal | None:
    return None if isinstance(value, UnsetType) else value


def _default_address(addresses: Sequence[Address], kind: str) -> int | None:
    fitting = [address for address in addresses if address.entity_type == kind]
    chosen = [address for address in fitting if address.default] or fitting
    return chosen[0].id if chosen else None


def _check_variants(
    state: State,
    checks: Checks,
    variants: Sequence[contract.NewProductVariant | contract.NewServiceVariant],
) -> None:
    seen: set[str] = set()
    for index, variant in enumerate(variants):
        path = f"/variants/{index}/sku"
        _check_sku(state, checks, variant.sku, path)
        if variant.sku:
            message = f"SKU {variant.sku} is given twice"
            checks.require(variant.sku not in seen, path, "unique", message, sku=variant.sku)
            seen.add(variant.sku)


def _check_sku(state: State, checks: Checks, sku: str | UnsetType, path: str) -> None:
    """SKUs are compared with their case, among the variants that are not deleted."""
    if sku:
        taken = any(variant.sku == sku for variant in state.variants.all_live())
        message = f"Variant with SKU {sku} already exists"
        checks.require(not taken, path, "unique", message, sku=sku)


def _check_attributes(
    checks: Checks,
    configs: Sequence[tuple[str, Sequence[str]]],
    attributes: Sequence[contract.ConfigAttribute],
    path: str,
) -> None:
    """Each config wants one attribute, of a value that the config lists; nothing else is taken."""
    given = sorted(attribute.config_name for attribute in attributes)
    names = [name for name, _ in configs]
    message = "config_attributes must have one entry for each of the configs"
    checks.require(given == sorted(names), path, "configs", message, configs=names)
    allowed = {name: set(values) for name, values in configs}
    for attribute in attributes:
        values = allowed.get(attribute.config_name, {attribute.config_value})
        message = f"{attribute.config_value} is not a value of config {attribute.config_name}"
        checks.require(attribute.config_value in values, path, "configValue", message)


def _check_options_differ(checks: Checks, variants: Sequence[contract.NewProductVariant]) -> None:
    """Two variants of the same options could not be told apart."""
    chosen = [
        frozenset((a.config_name, a.config_value) for a in variant.config_attributes or ())
        for variant in variants
    ]
    message = "variants must differ in their config_attributes"
    checks.require(len(set(chosen)) == len(chosen), "/variants", "unique", message)


def _parent(state: State, checks: Checks, body: contract.NewVariant) -> Item | None:
    wanted = [
        (kind, key)
        for kind, key in (("product", body.product_id), ("material", body.material_id))
        if not isinstance(key, UnsetType)
    ]
    if len(wanted) != 1:
        checks.add("", "parent", "either product_id or material_id is required")
        return None
    kind, key = wanted[0]
    item = state.items.live(key)
    if item is None or item.kind != kind:
        checks.add(f"/{kind}_id", "notFound", f"{kind} {key} does not exist")
        return None
    return item


def _put_variant(
    state: State,
    item: Item,
    body: contract.NewProductVariant | contract.NewVariant | contract.NewServiceVariant,
) -> Variant:
    now = state.now()
    variant = Variant(
        id=state.variants.new_id(),
        created_at=now,
        updated_at=now,
        item_id=item.id,
        sku=body.sku or None,
        sales_price=_sent(body.sales_price),
        custom_fields=tuple((f.field_name, f.field_value) for f in body.custom_fields or ()),
    )
    if isinstance(body, contract.NewServiceVariant):
        return state.variants.put(replace(variant, purchase_price=_sent(body.default_cost)))
    return state.variants.put(
        replace(
            variant,
            purchase_price=_sent(body.purchase_price),
            config_attributes=tuple(
                (a.config_name, a.config_value) for a in body.config_attributes or ()
            ),
            internal_barcode=body.internal_barcode or None,
            registered_barcode=body.registered_barcode or None,
            supplier_item_codes=tuple(body.supplier_item_codes or ()),
            lead_time=int(body.lead_time) if body.lead_time else None,
            minimum_order_quantity=body.minimum_order_quantity or None,
        )
    )
