"""Requests and answers as they may be shown to others: without secrets and personal data.

Of the texts in an answer only those are kept that are Katana's own words (a status, a time, an
error), or the probe's. Other people's rows are counted and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from katana_woo_sync.clients.answers import Garbage, parse_json, what_is
from katana_woo_sync.clients.http import Exchange
from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.domain.probe import PREFIX, STORE_NAME

HEADERS = frozenset(
    {"content-type", "date", "retry-after", "x-pagination", "x-ratelimit-limit"}
    | {"x-ratelimit-remaining", "x-ratelimit-reset"}
)
"""The headers of an answer that are kept."""

KEPT = frozenset(
    {"status", "source", "type", "uom", "entity_type", "currency", "base_currency_code"}
    | {"created_at", "updated_at", "deleted_at", "archived_at", "picked_date", "delivery_date"}
    | {"order_created_date", "conversion_date", "conversion_rate", "ecommerce_order_type"}
    | {"quantity", "price_per_unit", "total_discount", "total", "amount", "rate", "sales_price"}
    | {"total_in_base_currency", "price_per_unit_in_base_currency", "production_status"}
    | {"invoicing_status", "invoice_status", "product_availability", "ingredient_availability"}
)
"""Fields whose texts say nothing about people."""

SETTINGS = ("/locations", "/tax_rates", "/factory")
"""What all of an account's orders share: its numbers tell what the order was made with."""

OWN = re.compile(rf"{PREFIX}[0-9a-f]+|{re.escape(STORE_NAME)}")
HIDDEN = "[text]"
LONGEST = 500
_EMAIL = re.compile(r"[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:]+")

Json = dict[str, object]


def recorded(exchanges: Sequence[Exchange], redactor: Redactor) -> list[Json]:
    """The exchanges as JSON."""
    own = _own_ids(exchanges)
    return [_recorded(each, own, redactor) for each in exchanges]


def _recorded(exchange: Exchange, own: frozenset[int], redactor: Redactor) -> Json:
    body = None if exchange.body is None else _parsed(exchange.body)
    told: Json = {
        "request": f"{exchange.method} {exchange.path}",
        "query": [[name, harmless(value, redactor)] for name, value in exchange.params],
        "body": _cleaned(body, redactor, is_ours=True),
        "status": exchange.status or "no answer",
    }
    if not exchange.status:
        return told
    headers = {n.lower(): v for n, v in exchange.headers.items() if n.lower() in HEADERS}
    told["headers"] = {name: harmless(value, redactor) for name, value in sorted(headers.items())}
    told["answer"] = _answer(exchange, own, redactor)
    return told


def _answer(exchange: Exchange, own: frozenset[int], redactor: Redactor) -> object:
    if not exchange.content.strip():
        return None
    data = _parsed(exchange.content)
    if data is None:
        return f"[no JSON: {harmless(what_is(exchange.content), redactor)}]"
    if exchange.status >= 400:
        return _cleaned(data, redactor, is_ours=True)
    if exchange.path in SETTINGS:
        return _cleaned(data, redactor)
    rows = data.get("data") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        return _cleaned(data, redactor) if _is_own(data, own) else HIDDEN
    kept = [row for row in rows if _is_own(row, own)]
    return {"data": _cleaned(kept, redactor), "rows_of_others": len(rows) - len(kept)}


def _own_ids(exchanges: Iterable[Exchange]) -> frozenset[int]:
    """The ids of what the probe created."""
    made = (_parsed(e.content) for e in exchanges if e.method == "POST" and 200 <= e.status < 300)
    ids = (each.get("id") for each in made if isinstance(each, dict))
    return frozenset(each for each in ids if isinstance(each, int))


def _is_own(row: object, own: frozenset[int]) -> bool:
    if not isinstance(row, dict):
        return False
    named = (row.get(key) for key in ("order_no", "reference_id", "name"))
    return (
        row.get("id") in own
        or row.get("sales_order_id") in own
        or any(OWN.search(str(each)) for each in named)
    )


def _cleaned(value: object, redactor: Redactor, key: str = "", *, is_ours: bool = False) -> object:
    """The value without other people's texts; `is_ours` where this program or Katana wrote all."""
    if isinstance(value, Mapping):
        return {
            str(name): _cleaned(each, redactor, str(name), is_ours=is_ours)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(each, redactor, key, is_ours=is_ours) for each in value]
    if isinstance(value, Decimal):
        return float(value)
    if not isinstance(value, str) or not value:
        return value
    if is_ours or key in KEPT or OWN.search(value):
        return harmless(value, redactor)
    return HIDDEN


def harmless(text: str, redactor: Redactor) -> str:
    """The text on one line, without secrets and addresses."""
    cleaned = one_line(_EMAIL.sub("[e-mail]", redactor.text(text)))
    return cleaned if len(cleaned) <= LONGEST else f"{cleaned[: LONGEST - 1]}…"


def _parsed(content: bytes) -> object:
    """The JSON of a body; None where it is none."""
    try:
        return parse_json(content)
    except Garbage:
        return None


def written(recording: Mapping[str, object]) -> str:
    """A recording as the text of a file."""
    return json.dumps(recording, ensure_ascii=False, indent=1) + "\n"
