"""Products, materials, services and bundles, and their variants, which SKUs name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.errors import Checks, Json, not_found
from katana_woo_sync.sandbox.katana.resource import body_of, changed, create, field, read, shown
from katana_woo_sync.sandbox.katana.schema import (
    ANY_ID,
    DAYS,
    FLAG,
    ID,
    IDS,
    INTEGER,
    LARGEST_ID,
    NON_EMPTY,
    NUMBER,
    TEXT,
    Schema,
    array,
    fields,
    need,
    nullable,
    number,
    one_of,
    text,
)
from katana_woo_sync.sandbox.katana.state import Controls, Record, State
from katana_woo_sync.sandbox.katana.stock import move

UOM = text(1, 7)
CATALOG_PRICE = nullable(number(0, 10**11))
BARCODE = text(3, 40)
CATEGORY = nullable(text(1, 35))
DAYS_OR_NULL = nullable(DAYS)
NUMBER_OR_NULL = nullable(NUMBER)
PARENT_ID = number(most=LARGEST_ID)


def _pairs(first: str, second: str, **limits: int) -> Schema:
    return array(fields({first: need(TEXT), second: need(TEXT)}), **limits)


OPTIONS = _pairs("config_name", "config_value", least=1)
CUSTOM_FIELDS = _pairs("field_name", "field_value", most=3)


def _check_sku(checks: Checks, path: str, sku: str) -> None:
    """SKUs are compared with their case, among the variants that are not deleted."""
    taken = sku and any(variant.sku == sku for variant in checks.state.variants.all_live())
    message = f"Variant with SKU {sku} already exists"
    checks.require(not taken, path, "unique", message, sku=sku)


@dataclass(frozen=True, kw_only=True)
class Variant(Record):
    """What a SKU names. `sales_price` is without tax, in the base currency.

    It comes into being within a new product (`in_product`) or service (`in_service`), or as one
    more of a product or material (`new`).
    """

    item_id: int = field(shown=False)
    sku: str | None = field(
        new=TEXT, in_product=NON_EMPTY, in_service=NON_EMPTY, find=array(TEXT), check=_check_sku
    )
    sales_price: Decimal | None = field(
        new=CATALOG_PRICE, in_product=CATALOG_PRICE, in_service=CATALOG_PRICE, find=NUMBER
    )
    purchase_price: Decimal | None = field(new=CATALOG_PRICE, in_product=CATALOG_PRICE, find=NUMBER)
    config_attributes: tuple[tuple[str, str], ...] = field(
        new=OPTIONS, in_product=OPTIONS, pairs=("config_name", "config_value"), default=()
    )
    custom_fields: tuple[tuple[str, str], ...] = field(
        new=CUSTOM_FIELDS,
        in_product=CUSTOM_FIELDS,
        in_service=CUSTOM_FIELDS,
        pairs=("field_name", "field_value"),
        default=(),
    )
    internal_barcode: str | None = field(new=BARCODE, in_product=BARCODE, find=TEXT)
    registered_barcode: str | None = field(new=text(most=120), in_product=BARCODE, find=TEXT)
    supplier_item_codes: tuple[str, ...] = field(
        new=array(TEXT, 1), in_product=array(text(1, 40)), find=array(TEXT), default=()
    )
    lead_time: int | None = field(new=DAYS_OR_NULL, in_product=DAYS_OR_NULL)
    minimum_order_quantity: Decimal | None = field(new=DAYS_OR_NULL, in_product=DAYS_OR_NULL)
    product_id: int | None = field(new=PARENT_ID, find=INTEGER, stored=False)
    material_id: int | None = field(new=PARENT_ID, find=INTEGER, stored=False)
    default_cost: Decimal | None = field(in_service=CATALOG_PRICE, stored=False)


@dataclass(frozen=True, kw_only=True)
class Config:
    """An option of an item, such as Colour, with the values it can have."""

    id: int = field(change=NUMBER)
    name: str = field(new=need(TEXT), change=TEXT)
    values: tuple[str, ...] = field(new=need(array(TEXT)), change=need(array(TEXT)))


@dataclass(frozen=True, kw_only=True)
class Item(Record):
    """What variants belong to; `kind` is "product", "material", "service" or "bundle".

    A product takes `new` and `change`, a service `service`; both have their lists.
    """

    kind: str = field(name="type")
    name: str = field(
        new=need(NON_EMPTY),
        service=need(NON_EMPTY),
        change=text(1, 256),
        find=TEXT,
        find_service=TEXT,
    )
    uom: str = field(new=UOM, service=UOM, change=UOM, find=TEXT, find_service=TEXT, default="pcs")
    category_name: str | None = field(
        new=NON_EMPTY, service=NON_EMPTY, change=CATEGORY, find=TEXT, find_service=TEXT
    )
    is_sellable: bool = field(
        new=FLAG, service=FLAG, change=FLAG, find=FLAG, find_service=FLAG, default=True
    )
    is_producible: bool = field(new=FLAG, change=FLAG, find=FLAG, default=False)
    is_purchasable: bool = field(new=FLAG, change=FLAG, find=FLAG, default=True)
    is_auto_assembly: bool = field(new=FLAG, change=FLAG, find=FLAG, default=False)
    batch_tracked: bool = field(new=FLAG, change=FLAG, find=TEXT, default=False)
    serial_tracked: bool = field(new=FLAG, change=FLAG, find=TEXT, default=False)
    operations_in_sequence: bool = field(new=FLAG, change=FLAG, find=FLAG, default=False)
    default_supplier_id: int | None = field(new=ANY_ID, change=nullable(ID), find=INTEGER)
    additional_info: str = field(new=TEXT, service=TEXT, change=nullable(NON_EMPTY), default="")
    purchase_uom: str | None = field(new=nullable(UOM), change=nullable(UOM), find=TEXT)
    purchase_uom_conversion_rate: Decimal | None = field(
        new=number(most=10**12), change=nullable(DAYS), find=NUMBER
    )
    configs: tuple[Config, ...] = field(
        new=array(body_of(Config, "new"), 1, 10),
        change=array(body_of(Config, "change"), 1, 10),
        default=(),
    )
    components: tuple[tuple[int, Decimal], ...] = field(shown=False, default=())
    """Of a bundle: the variants that it is put together from, and how many of each."""
    archived_at: datetime | None = None
    is_archived: bool = field(change=FLAG, stored=False)
    custom_field_collection_id: Decimal | None = field(
        new=NUMBER_OR_NULL, service=NUMBER_OR_NULL, change=NUMBER_OR_NULL, stored=False
    )
    variants: tuple[Variant, ...] = field(
        new=need(array(body_of(Variant, "in_product"), 1)),
        service=need(array(body_of(Variant, "in_service"), 1, 1)),
        stored=False,
    )


FLAGS = [name for name, schema in body_of(Item, "change")["properties"].items() if schema == FLAG]
NOT_OF_SERVICES = (
    "is_producible",
    "is_purchasable",
    "is_auto_assembly",
    "batch_tracked",
    "serial_tracked",
    "operations_in_sequence",
    "default_supplier_id",
    "purchase_uom",
    "purchase_uom_conversion_rate",
    "configs",
)


def show(state: State, item: Item, _query: Json | None = None) -> Json:
    """A product, material or service with its variants."""
    variants = [show_variant(state, variant) for variant in state.variants_of(item)]
    answer = {**shown(item), "custom_field_collection_id": None, "variants": variants}
    if item.kind == "service":
        return {name: value for name, value in answer.items() if name not in NOT_OF_SERVICES}
    configs = [{**shown(config), f"{item.kind}_id": item.id} for config in item.configs]
    return {**answer, "configs": configs, "supplier": None}


def show_variant(state: State, variant: Variant, query: Json | None = None) -> Json:
    """A variant; a list may be asked to add the product or material that it belongs to."""
    owner = state.items.get(variant.item_id)
    kind = "product" if owner is None else owner.kind
    answer = {**shown(variant), "type": kind}
    if kind == "service":
        kept = ("id", "created_at", "updated_at", "deleted_at", "sku", "sales_price", "type")
        return {
            **{name: answer[name] for name in (*kept, "custom_fields")},
            "service_id": variant.item_id,
            "default_cost": variant.purchase_price,
        }
    answer["product_id"] = variant.item_id if kind == "product" else None
    answer["material_id"] = variant.item_id if kind == "material" else None
    if query and query.get("extend") and owner is not None:
        parent = show(state, owner)
        del parent["variants"]
        answer["product_or_material"] = parent
    return answer


@lists(
    "/variants",
    Variant,
    answers=show_variant,
    ids=IDS,
    type=one_of("product", "material"),
    abc_classification=one_of("A", "B", "C"),
    include_deleted=FLAG,
    include_archived=FLAG,
    extend=array(one_of("product_or_material")),
)
def listed_variants(state: State, query: Json) -> Iterable[Variant]:
    """Every variant, of archived items too if they are asked for."""
    for variant in state.variants:
        item = state.items.get(variant.item_id)
        archived = item is not None and item.archived_at is not None
        hidden = item is not None and item.kind == "service" and not state.lists_service_variants
        if not hidden and (query.get("include_archived") or not archived):
            yield variant


@lists(
    "/products",
    Item,
    answers=show,
    ids=IDS,
    include_deleted=FLAG,
    include_archived=FLAG,
    extend=array(one_of("supplier")),
)
def listed_products(state: State, _query: Json) -> Iterable[Item]:
    """Every product."""
    return (item for item in state.items if item.kind == "product")


@lists(
    "/services",
    Item,
    answers=show,
    request="find_service",
    ids=IDS,
    include_archived=FLAG,
    include_deleted=FLAG,
)
def listed_services(state: State, _query: Json) -> Iterable[Item]:
    """Every service."""
    return (item for item in state.items if item.kind == "service")


@call("GET", "/products/{id}", answers=show)
def live_product(state: State, product_id: int) -> Item:
    """The product."""
    item = state.items.live(product_id)
    if item is None or item.kind != "product":
        raise not_found("Product", product_id)
    return item


@call("POST", "/products", takes=body_of(Item, "new"), answers=show)
def new_product(state: State, body: Json) -> Item:
    """Create a product, with its variants."""
    checks = Checks(state)
    values = read(Item, checks, body)
    configs, variants = values.get("configs", ()), values["variants"]
    _check_skus_differ(checks, variants)
    for index, variant in enumerate(variants):
        path = f"/variants/{index}/config_attributes"
        _check_options(checks, configs, variant.get("config_attributes", ()), path)
    chosen = [frozenset(variant.get("config_attributes", ())) for variant in variants]
    message = "variants must differ in their config_attributes"
    checks.require(len(set(chosen)) == len(chosen), "/variants", "unique", message)
    checks.done()
    made = tuple(Config(id=next(state.config_ids), **config) for config in configs)
    return _put(state, values, kind="product", configs=made)


@call("POST", "/services", takes=body_of(Item, "service"), answers=show)
def new_service(state: State, body: Json) -> Item:
    """Create a service: an item without stock, of one variant."""
    checks = Checks(state)
    values = read(Item, checks, body)
    checks.done()
    return _put(state, values, kind="service")


@call("DELETE", "/services/{id}", answers=show)
def delete_service(state: State, service_id: int) -> Item:
    """Keep the service, and its variant, for `include_deleted` only."""
    service = state.items.live(service_id)
    if service is None or service.kind != "service":
        raise not_found("Service", service_id)
    for variant in state.variants_of(service):
        state.delete(state.variants, variant)
    return state.delete(state.items, service)


@call("PATCH", "/products/{id}", takes=body_of(Item, "change"), answers=show)
def patch_product(state: State, product_id: int, body: Json) -> Item:
    """Only what was sent changes, but flags that are left out become false, and `additional_info`
    blank: the contract gives the flags a default of false."""
    product = live_product(state, product_id)
    named = {config.id: config for config in product.configs}
    checks = Checks(state, product_id)
    values = {**dict.fromkeys(FLAGS, False), **read(Item, checks, body)}
    configs: list[Json] = values.pop("configs", [])
    for index, given in enumerate(configs):
        known = "id" not in given or given["id"] in named
        path, message = f"/configs/{index}/id", f"config {given.get('id')} is not here"
        checks.require(known, path, "notFound", message)
    checks.done()
    patched = changed(
        product,
        values,
        additional_info=values.get("additional_info") or "",
        configs=tuple(_patched(state, given, named) for given in configs) or product.configs,
    )
    return state.update(state.items, patched)


@call("POST", "/variants", takes=body_of(Variant, "new"), answers=show_variant)
def new_variant(state: State, body: Json) -> Variant:
    """Create one more variant of a product or material."""
    checks = Checks(state)
    item = _parent(state, checks, body)
    values = read(Variant, checks, body)
    if item is not None:
        options = values.get("config_attributes", ())
        configs = [shown(config) for config in item.configs]
        _check_options(checks, configs, options, "/config_attributes")
        taken = [set(variant.config_attributes) for variant in state.variants_of(item)]
        message = "the product has a variant of these config_attributes"
        checks.require(set(options) not in taken, "/config_attributes", "unique", message)
    checks.done()
    if item is None:
        raise AssertionError("a parent that is missing was refused")
    state.update(state.items, item)
    return create(state.variants, Variant, state, values, item_id=item.id)


def _put(state: State, values: Json, **given: object) -> Item:
    item = create(state.items, Item, state, values, **given)
    for variant in values["variants"]:
        cost = variant.get("purchase_price", variant.get("default_cost"))
        create(state.variants, Variant, state, variant, item_id=item.id, purchase_price=cost)
    return item


def _patched(state: State, given: Json, named: dict[int, Config]) -> Config:
    old = named.get(given.get("id", 0))
    name = given.get("name") or (old.name if old else "")
    key = old.id if old else next(state.config_ids)
    return Config(id=key, name=name, values=given["values"])


def _check_skus_differ(checks: Checks, variants: Sequence[Json]) -> None:
    seen: set[str] = set()
    for index, variant in enumerate(variants):
        sku = variant.get("sku")
        if sku:
            message = f"SKU {sku} is given twice"
            path = f"/variants/{index}/sku"
            checks.require(sku not in seen, path, "unique", message, sku=sku)
            seen.add(sku)


def _check_options(
    checks: Checks, configs: Sequence[Json], options: Sequence[tuple[str, str]], path: str
) -> None:
    """Each config wants one option, of a value that the config lists; nothing else is taken."""
    names = [config["name"] for config in configs]
    message = "config_attributes must have one entry for each of the configs"
    given = sorted(name for name, _ in options)
    checks.require(given == sorted(names), path, "configs", message, configs=names)
    allowed = {config["name"]: set(config["values"]) for config in configs}
    for name, value in options:
        message = f"{value} is not a value of config {name}"
        checks.require(value in allowed.get(name, {value}), path, "configValue", message)


def _parent(state: State, checks: Checks, body: Json) -> Item | None:
    wanted = [kind for kind in ("product", "material") if f"{kind}_id" in body]
    if len(wanted) != 1:
        checks.require(False, "", "parent", "either product_id or material_id is required")
        return None
    (kind,) = wanted
    key = body[f"{kind}_id"]
    item = state.items.live(key)
    fits = item is not None and item.kind == kind
    checks.require(fits, f"/{kind}_id", "notFound", f"{kind} {key} does not exist")
    return item if fits else None


class ItemControls(Controls):
    """What people do to the catalogue."""

    def add_product(
        self,
        name: str,
        sku: str | None,
        *,
        sales_price: Decimal | None = None,
        batch_tracked: bool = False,
        serial_tracked: bool = False,
        is_sellable: bool = True,
        archived: bool = False,
        in_stock: Decimal | None = None,
    ) -> int:
        """Add a product of one variant and give the variant's id; a SKU may be used twice here.

        Without `in_stock` it was never counted: it has no row in the inventory.
        """
        with self._state.lock:
            return self._add_item(
                "product",
                name,
                sku,
                sales_price=sales_price,
                in_stock=in_stock,
                batch_tracked=batch_tracked,
                serial_tracked=serial_tracked,
                is_sellable=is_sellable,
                archived_at=self._state.now() if archived else None,
            )

    def add_material(
        self,
        name: str,
        sku: str | None,
        *,
        is_sellable: bool = False,
        in_stock: Decimal | None = None,
    ) -> int:
        """Add a material of one variant and give the variant's id."""
        return self._add_item("material", name, sku, is_sellable=is_sellable, in_stock=in_stock)

    def add_service(self, name: str, sku: str | None = None) -> int:
        """Add a service and give its variant's id."""
        return self._add_item("service", name, sku)

    def add_bundle(
        self, name: str, sku: str | None, components: Sequence[tuple[int, Decimal | int]]
    ) -> int:
        """Add a bundle of these variants, so many of each, and give its variant's id."""
        parts = tuple((each, Decimal(quantity)) for each, quantity in components)
        return self._add_item("bundle", name, sku, components=parts)

    def hide_service_variants(self) -> None:
        """From now on the list of variants is one of products and materials only."""
        with self._state.lock:
            self._state.lists_service_variants = False

    def set_sellable(self, variant_id: int, sellable: bool) -> None:
        """Say whether the item that the variant belongs to is sold."""
        self._change_item(variant_id, is_sellable=sellable)

    def archive_variant(self, variant_id: int) -> None:
        """Archive the item that the variant belongs to: Katana archives whole items."""
        self._change_item(variant_id, archived_at=self._state.now())

    def add_variant(
        self, variant_id: int, sku: str | None, *, sales_price: Decimal | None = None
    ) -> int:
        """Add a variant to the item that this variant belongs to, and give its id."""
        with self._state.lock:
            return self._put_variant(self._variant(variant_id).item_id, sku, sales_price)

    def rename_sku(self, variant_id: int, sku: str) -> None:
        """Give a variant another SKU."""
        with self._state.lock:
            variant = self._variant(variant_id)
            self._state.update(self._state.variants, replace(variant, sku=sku))

    def delete_item(self, variant_id: int) -> None:
        """Delete the item that the variant belongs to, with all its variants."""
        with self._state.lock:
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                for variant in self._state.variants_of(item):
                    self._state.delete(self._state.variants, variant)
                self._state.delete(self._state.items, item)

    def delete_variant(self, variant_id: int) -> None:
        """Delete the variant."""
        with self._state.lock:
            self._state.delete(self._state.variants, self._variant(variant_id))

    def products(self) -> list[Item]:
        """Every product, deleted and archived ones too, newest first."""
        with self._state.lock:
            return [item for item in self._state.items if item.kind == "product"]

    def services(self) -> list[Item]:
        """Every service, newest first."""
        with self._state.lock:
            return [item for item in self._state.items if item.kind == "service"]

    def variants(self) -> list[Variant]:
        """Every variant of products, materials and services, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.variants)

    def _variant(self, variant_id: int) -> Variant:
        variant = self._state.variants.get(variant_id)
        if variant is None:
            raise LookupError(f"the sandbox has no variant {variant_id}")
        return variant

    def _change_item(self, variant_id: int, **changes: Any) -> None:
        with self._state.lock:
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                self._state.update(self._state.items, replace(item, **changes))

    def _add_item(
        self,
        kind: str,
        name: str,
        sku: str | None,
        *,
        sales_price: Decimal | None = None,
        in_stock: Decimal | None = None,
        **values: object,
    ) -> int:
        with self._state.lock:
            item = create(self._state.items, Item, self._state, values, kind=kind, name=name)
            variant_id = self._put_variant(item.id, sku, sales_price)
            if in_stock is not None:
                place = self._state.primary_location()
                move(self._state, variant_id, place.id, in_stock)
            return variant_id

    def _put_variant(self, item_id: int, sku: str | None, sales_price: Decimal | None) -> int:
        values: Json = {"sku": sku, "sales_price": sales_price}
        return create(self._state.variants, Variant, self._state, values, item_id=item_id).id
