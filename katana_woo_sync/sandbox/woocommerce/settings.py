"""What a store is set up with, and what it says of itself: settings, order totals, its version."""

from __future__ import annotations

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import ApiError, Call, answer, route, single
from katana_woo_sync.sandbox.woocommerce.orders import name_of_status
from katana_woo_sync.sandbox.woocommerce.resource import Json, View
from katana_woo_sync.sandbox.woocommerce.state import StoreState


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


@route("GET", r"/settings/(?P<group>\w+)")
def list_settings(call: Call) -> Response:
    """GET /settings/{group}."""
    group = call.found["group"]
    settings = all_settings(call.state).get(group)
    if settings is None:
        raise ApiError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    return answer([_setting(group, name, value, call.view) for name, value in settings.items()])


@route("GET", r"/settings/(?P<group>\w+)/(?P<id>\w+)")
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


@route("GET", r"/reports/orders/totals")
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


@route("GET", r"/system_status")
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
