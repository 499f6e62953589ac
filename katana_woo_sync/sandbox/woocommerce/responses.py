"""Answers and errors in WordPress's shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.woocommerce.answers import Json
from katana_woo_sync.sandbox.woocommerce.lists import BadParameters, Page

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


class ApiError(Exception):
    """An error that the API answers with."""

    def __init__(self, status: int, code: str, message: str, **data: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.data: Json = {"status": status, **data}

    def body(self) -> Json:
        """The error as JSON."""
        return {"code": self.code, "message": self.message, "data": self.data}


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    found = {"X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(_encoded(value), status, headers=found, content_type=JSON_TYPE)


def _encoded(value: object) -> bytes:
    """The value as JSON; half an emoji, which a plugin cut, as the escape that PHP's JSON has."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def error(problem: ApiError) -> Response:
    """An error's answer."""
    return answer(problem.body(), problem.status)


def page_of_html(title: str, status: int) -> Response:
    """A page of the shop, which is no answer of its API."""
    text = f'<!DOCTYPE html>\n<html lang="en-US"><head><title>{title}</title></head><body></body>'
    return Response(text + "</html>\n", status, content_type=HTML_TYPE)


def no_route() -> ApiError:
    """What there is no route for."""
    message = "No route was found matching the URL and request method."
    return ApiError(404, "rest_no_route", message)


def invalid_params(bad: BadParameters) -> ApiError:
    """Parameters that WordPress refuses."""
    return ApiError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(bad.params)}",
        params={name: wrong.message for name, wrong in bad.params.items()},
        details={
            name: {"code": wrong.code, "message": wrong.message, "data": wrong.data}
            for name, wrong in bad.params.items()
        },
    )


def invalid_json(body: bytes) -> ApiError:
    """A body that is announced as JSON and is none."""
    try:
        body.decode()
    except UnicodeDecodeError:
        number, text = 5, "Malformed UTF-8 characters, possibly incorrectly encoded"
    else:
        number, text = 4, "Syntax error"
    return ApiError(
        400,
        "rest_invalid_json",
        "Invalid JSON body passed.",
        json_error_code=number,
        json_error_message=text,
    )


def body_of(request: Request) -> dict[str, object]:
    """The parameters in the body: JSON if it is announced as such, or a form. Anything else, and
    JSON that is no object, is ignored. Raises `ApiError` for broken JSON."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return dict(request.form.items())
    raw = request.get_data()
    if request.mimetype != "application/json" or not raw:
        return {}
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid_json(raw) from None
    return data if isinstance(data, dict) else {}


def fields_of(request: Request) -> list[str]:
    """The names in `_fields`."""
    text = request.args.get("_fields", "")
    return [name.strip() for name in text.split(",") if name.strip()]


def trimmed(record: Json, names: Sequence[str]) -> Json:
    """Only the fields asked for. `billing.email` reaches into an object; into a list nothing does:
    `line_items.sku` drops the list."""
    if not names:
        return record
    found: Json = {}
    for key, value in record.items():
        if key in names:
            found[key] = value
            continue
        inner = [name[len(key) + 1 :] for name in names if name.startswith(f"{key}.")]
        if inner and isinstance(value, dict):
            found[key] = trimmed(value, inner)
    return found


def single(record: Json, request: Request, status: int = 200) -> Response:
    """One record. `_fields` does not take its `_links` away."""
    names = fields_of(request)
    return answer(trimmed(record, [*names, "_links"] if names else []), status)


def listing(
    rows: Sequence[Json], total: int | None, page: Page, request: Request, url: str
) -> Response:
    """A page of a list, with its totals; without them where they are lost on the way."""
    names = fields_of(request)
    if total is None:
        return answer([trimmed(row, names) for row in rows])
    pages = -(-total // page.per_page)
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages), "Allow": "GET, POST"}
    links = []
    if page.number > 1:
        links.append(_page_link(request, url, min(page.number - 1, pages), "prev"))
    if page.number < pages:
        links.append(_page_link(request, url, page.number + 1, "next"))
    if links:
        headers["Link"] = ", ".join(links)
    return answer([trimmed(row, names) for row in rows], headers=headers)


def _page_link(request: Request, url: str, number: int, rel: str) -> str:
    query = [(key, value) for key, value in request.args.items(multi=True) if key != "page"]
    return f'<{url}?{urlencode([*query, ("page", str(number))])}>; rel="{rel}"'
