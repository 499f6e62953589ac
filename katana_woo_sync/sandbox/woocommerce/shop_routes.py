"""Routes of the sandbox store besides orders: products, stock, settings, taxes, customers."""

from __future__ import annotations

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce import lists, products
from katana_woo_sync.sandbox.woocommerce.answers import Json, View, customer_json
from katana_woo_sync.sandbox.woocommerce.app import Call, batch_items, routes
from katana_woo_sync.sandbox.woocommerce.records import Product
from katana_woo_sync.sandbox.woocommerce.responses import (
    ApiError,
    answer,
    body_of,
    no_route,
    single,
)
from katana_woo_sync.sandbox.woocommerce.store import StoreState, name_of_status
from katana_woo_sync.sandbox.woocommerce.tax_rates import TaxRate

INVALID_PRODUCT = "woocommerce_rest_product_invalid_id"
INVALID_VARIATION = "woocommerce_rest_product_variation_invalid_id"
USE_VARIATIONS = (
    "To manipulate product variations you should use the "
    "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
)


def list_products(call: Call) -> Response:
    """GET /products."""
    with call.state.lock:
        found = products.list_products(call.state, call.query)
        return call.listing_of(found, lambda p: products.product_json(p, call.view))


def get_product(call: Call) -> Response:
    """GET /products/{id}: a variation too."""
    with call.state.lock:
        return call.single(products.product_json(_product(call, call.id()), call.view))


def _product(call: Call, product_id: int, status: int = 404) -> Product:
    product = call.state.products.get(product_id)
    if product is None:
        raise ApiError(status, INVALID_PRODUCT, "Invalid ID.")
    return product


def put_product(call: Call) -> Response:
    """PUT /products/{id}: stock only. Unlike a batch it refuses fractions."""
    body = _checked_stock(call)
    with call.state.lock:
        product = _product(call, call.id(), 400)
        if product.parent_id:
            raise ApiError(404, "woocommerce_rest_invalid_product_id", USE_VARIATIONS)
        products.set_stock(call.state, product, body)
        return call.single(products.product_json(product, call.view))


def _checked_stock(call: Call) -> dict[str, object]:
    body = body_of(call.request)
    quantity = body.get("stock_quantity", 0)
    is_whole = isinstance(quantity, float) and quantity.is_integer()
    if not (isinstance(quantity, int) or is_whole):
        message = "stock_quantity is not of type integer."
        data = {"param": "stock_quantity"}
        wrong = lists.Wrong("rest_invalid_type", message, data)
        raise lists.BadParameters({"stock_quantity": wrong})
    return body


def batch_products(call: Call) -> Response:
    """POST /products/batch: a variation's id is a 404 for that item."""
    with call.state.lock:
        rows = _updates(call)
        return answer({"update": [_update_product(call, row) for row in rows]})


def _updates(call: Call) -> list[object]:
    items = batch_items(call)
    if set(items) - {"update"}:
        message = "This sandbox changes its catalogue by its own methods only."
        raise ApiError(501, "sandbox_cannot_create", message)
    return items.get("update", [])


def _update_product(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    product_id = body.get("id")
    product = call.state.products.get(product_id) if isinstance(product_id, int) else None
    if product is None:
        return _failed(product_id, ApiError(400, INVALID_PRODUCT, "Invalid ID."))
    if product.parent_id:
        problem = ApiError(404, "woocommerce_rest_invalid_product_id", USE_VARIATIONS)
        return _failed(product_id, problem)
    products.set_stock(call.state, product, body)
    return products.product_json(product, call.view)


def _failed(item_id: object, problem: ApiError) -> Json:
    return {"id": item_id, "error": problem.body()}


def list_variations(call: Call) -> Response:
    """GET /products/{id}/variations."""
    with call.state.lock:
        _product(call, call.id())
        found = [
            product
            for product in call.state.products.values()
            if product.parent_id == call.id() and product.status != "trash"
        ]
        ordered = products.in_order(found, call.query)
        return call.listing_of(ordered, lambda p: products.variation_json(p, call.view))


def list_all_variations(call: Call) -> Response:
    """GET /variations, of all products; WooCommerce 11 has it."""
    with call.state.lock:
        if not call.state.is_at_least(11):
            raise no_route()
        found = [
            product
            for product in call.state.products.values()
            if product.parent_id and product.status != "trash"
        ]
        ordered = products.in_order(products.changed(call.state, found, call.query), call.query)
        return call.listing_of(ordered, lambda p: products.variation_json(p, call.view))


def _variation(call: Call) -> Product:
    found = call.state.products.get(call.id("variation"))
    if found is None or found.parent_id != call.id():
        raise ApiError(404, INVALID_VARIATION, "Invalid ID.")
    return found


def get_variation(call: Call) -> Response:
    """GET /products/{id}/variations/{id}."""
    with call.state.lock:
        return call.single(products.variation_json(_variation(call), call.view))


def put_variation(call: Call) -> Response:
    """PUT /products/{id}/variations/{id}: stock only."""
    body = _checked_stock(call)
    with call.state.lock:
        variation = _variation(call)
        products.set_stock(call.state, variation, body)
        return call.single(products.variation_json(variation, call.view))


def batch_variations(call: Call) -> Response:
    """POST /products/{id}/variations/batch."""
    with call.state.lock:
        return answer({"update": [_update_variation(call, row) for row in _updates(call)]})


def _update_variation(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    product_id = body.get("id")
    product = call.state.products.get(product_id) if isinstance(product_id, int) else None
    is_new = call.state.is_at_least(10)
    if product is not None and not is_new and not product.parent_id:
        # 8.2 takes a simple product's id here, and makes a variation of it
        product.parent_id = call.id()
        product.type = "variation"
    if product is None or product.parent_id != call.id():
        status = 404 if is_new else 400
        return _failed(product_id, ApiError(status, INVALID_VARIATION, "Invalid ID."))
    products.set_stock(call.state, product, body)
    return products.variation_json(product, call.view)


def all_settings(state: StoreState) -> dict[str, dict[str, str]]:
    """The settings that this sandbox has, by group."""
    base = state.base
    country = f"{base.country}:{base.state}" if base.state else base.country
    return {
        "general": {
            "woocommerce_default_country": country,
            "woocommerce_calc_taxes": _yes(bool(state.rates)),
            "woocommerce_enable_coupons": "yes",
            "woocommerce_calc_discounts_sequentially": "no",
            "woocommerce_currency": state.currency,
            "woocommerce_price_num_decimals": str(state.rounding.decimals),
        },
        "tax": {
            "woocommerce_prices_include_tax": _yes(state.rounding.prices_include_tax),
            "woocommerce_tax_based_on": "shipping",
            "woocommerce_shipping_tax_class": "inherit",
            "woocommerce_tax_round_at_subtotal": _yes(state.rounding.at_subtotal),
        },
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _setting(group: str, name: str, value: str, view: View) -> Json:
    return {
        "id": name,
        "label": name.removeprefix("woocommerce_").replace("_", " ").capitalize(),
        "description": "",
        "type": "text",
        "default": "",
        "tip": "",
        "value": value,
        "_links": view.links("settings", group, name, allow=("GET", "POST", "PUT", "PATCH")),
    }


def list_settings(call: Call) -> Response:
    """GET /settings/{group}."""
    group = call.found["group"]
    settings = all_settings(call.state).get(group)
    if settings is None:
        raise ApiError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    return answer([_setting(group, name, value, call.view) for name, value in settings.items()])


def get_setting(call: Call) -> Response:
    """GET /settings/{group}/{id}."""
    group, name = call.found["group"], call.found["id"]
    settings = all_settings(call.state).get(group)
    if settings is None:
        raise ApiError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    if name not in settings:
        raise ApiError(404, "rest_setting_setting_invalid", "Invalid setting.")
    found = _setting(group, name, settings[name], call.view)
    return single({**found, "group_id": group}, call.request)


def list_taxes(call: Call) -> Response:
    """GET /taxes."""
    return call.listing([_tax_json(rate, call.view) for rate in call.state.rates])


def _tax_json(rate: TaxRate, view: View) -> Json:
    return {
        "id": rate.id,
        "country": rate.country,
        "state": rate.state,
        "postcode": rate.postcodes[-1] if rate.postcodes else "",
        "city": "",
        "rate": f"{rate.percent:.4f}",
        "name": rate.label,
        "priority": rate.priority,
        "compound": rate.compound,
        "shipping": rate.shipping,
        "order": 0,
        "class": rate.tax_class or "standard",
        "postcodes": list(rate.postcodes),
        "cities": [],
        "_links": view.links("taxes", str(rate.id)),
    }


def list_customers(call: Call) -> Response:
    """GET /customers."""
    with call.state.lock:
        found = [*call.state.customers.values()]
        email = call.query.get("email")
        if email:
            found = [c for c in found if c.billing.email.casefold() == email.casefold()]
        include = {int(i) for i in lists.values_of(call.query, "include") if i.isdigit()}
        rows = [customer_json(c, call.view) for c in found if not include or c.id in include]
        return call.listing(rows)


def get_customer(call: Call) -> Response:
    """GET /customers/{id}."""
    with call.state.lock:
        customer = call.state.customers.get(call.id())
        if customer is None:
            raise ApiError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        return single(customer_json(customer, call.view), call.request)


def order_totals(call: Call) -> Response:
    """GET /reports/orders/totals: how many orders have which status, a plugin's statuses too."""
    hidden = ("auto-draft", "trash")
    with call.state.lock:
        held = [order.status for order in call.state.orders.values()]
        slugs = [status for status in call.state.statuses if status not in hidden]
        return answer(
            [
                {"slug": slug, "name": name_of_status(slug), "total": held.count(slug)}
                for slug in slugs
            ]
        )


def system_status(call: Call) -> Response:
    """GET /system_status: what tells one WooCommerce from another."""
    state = call.state
    store = "Internal\\DataStores\\Orders\\OrdersTableDataStore"
    return answer(
        {
            "environment": {
                "home_url": call.view.url,
                "site_url": call.view.url,
                "version": call.view.version,
                "wp_version": "7.1" if state.is_at_least(10) else "6.4.10",
                "wp_multisite": False,
                "language": "en_US",
                "default_timezone": "UTC",
            },
            "settings": {
                "api_enabled": not state.is_at_least(10),
                "force_ssl": False,
                "currency": state.currency,
                "number_of_decimals": state.rounding.decimals,
                "order_datastore": f"Automattic\\WooCommerce\\{store}"
                if state.hpos
                else "WC_Order_Data_Store_CPT",
                "HPOS_enabled": state.hpos,
                "HPOS_sync_enabled": False,
            },
        }
    )


SHOP_ROUTES = routes(
    {
        r"/wc/v3/products": {"GET": list_products},
        r"/wc/v3/products/batch": {"POST": batch_products},
        r"/wc/v3/products/(?P<id>\d+)": {"GET": get_product, "PUT": put_product},
        r"/wc/v3/products/(?P<id>\d+)/variations": {"GET": list_variations},
        r"/wc/v3/products/(?P<id>\d+)/variations/batch": {"POST": batch_variations},
        r"/wc/v3/products/(?P<id>\d+)/variations/(?P<variation>\d+)": {
            "GET": get_variation,
            "PUT": put_variation,
        },
        r"/wc/v3/variations": {"GET": list_all_variations},
        r"/wc/v3/settings/(?P<group>\w+)": {"GET": list_settings},
        r"/wc/v3/settings/(?P<group>\w+)/(?P<id>\w+)": {"GET": get_setting},
        r"/wc/v3/taxes": {"GET": list_taxes},
        r"/wc/v3/customers": {"GET": list_customers},
        r"/wc/v3/customers/(?P<id>\d+)": {"GET": get_customer},
        r"/wc/v3/reports/orders/totals": {"GET": order_totals},
        r"/wc/v3/system_status": {"GET": system_status},
    }
)
