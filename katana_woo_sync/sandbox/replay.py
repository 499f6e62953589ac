"""The sandbox Katana behaves as a probe has found an account to behave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.probe import Found
from katana_woo_sync.sandbox.katana import KatanaSandbox

Way = Callable[[KatanaSandbox, Found], None]

NOT_LISTED = timedelta(minutes=10)
"""How long an order stays out of lists that the probe did not find in them."""

WAYS: Mapping[tuple[str, str], Way] = {
    ("order_number", "taken twice"): lambda katana, _: katana.take_numbers_twice(),
    ("listed", "later"): lambda katana, f: katana.lag_lists(timedelta(seconds=f.amount)),
    ("listed", "not within 3 minutes"): lambda katana, _: katana.lag_lists(NOT_LISTED),
    ("fee_moves", "no"): lambda katana, _: katana.leave_updated_at_alone_by(fees=True),
    ("deletion_moves", "no"): lambda katana, _: katana.leave_updated_at_alone_by(deletions=True),
    ("fulfillment_moves", "no"): lambda katana, _: katana.leave_updated_at_alone(),
    ("status", "changes nothing"): lambda katana, _: katana.compute_status_from_fulfillments(),
    ("status", "delivers later"): lambda katana, f: katana.deliver_late(
        timedelta(seconds=f.amount)
    ),
    ("status", "is refused"): lambda katana, _: katana.await_approvals(),
    ("information", "empty"): lambda katana, _: katana.blank_information(),
    ("service", "refused"): lambda katana, _: katana.refuse_services(),
    ("deletion_answer", "200 without a body"): lambda katana, _: katana.answer_deletions(
        status=200
    ),
    ("deletion_answer", "200 with a body"): lambda katana, _: katana.answer_deletions(
        status=200, with_body=True
    ),
    ("reset", "seconds"): lambda katana, f: katana.reset_in(f.found),
    ("reset", "seconds from now"): lambda katana, f: katana.reset_in(f.found),
    ("quota", "somebody else"): lambda katana, _: katana.share_quota(1),
} | {
    (f"filter_{field}", found): way
    for field in ("order_type", "store_name", "order_id")
    for found, way in (
        ("is ignored", lambda katana, _, f=field: katana.ignore_filters(f"ecommerce_{f}")),
        ("hides the order", lambda katana, _, f=field: katana.find_nothing_by(f"ecommerce_{f}")),
    )
}

PATHS = {"sales_order": "/sales_orders", "service": "/services", "customer": "/customers"}
"""What a recording says was not deleted, and where it is deleted."""


class _NotDeleted(Struct, frozen=True):
    kind: str


class Recording(Struct, frozen=True):
    """What the sandbox needs of a recording."""

    found: Mapping[str, Found]
    left: Sequence[_NotDeleted] = ()


def read_recording(path: Path) -> Recording:
    """What `probe --record` wrote. Raises `OSError`, and `msgspec.ValidationError` or another
    `ValueError` for a file that is none."""
    return msgspec.json.decode(path.read_bytes(), type=Recording)


def replay(katana: KatanaSandbox, recording: Recording) -> list[str]:
    """Have the sandbox behave as the recording tells; returns what it does otherwise now."""
    ways = []
    for name, found in recording.found.items():
        way = WAYS.get((name, found.found))
        if way is not None:
            way(katana, found)
            ways.append(f"{name}: {found.found}")
    paths = sorted({PATHS[each.kind] for each in recording.left if each.kind in PATHS})
    katana.refuse_deletions(*paths)
    return [*ways, *(f"not deleted: {path}" for path in paths)]
