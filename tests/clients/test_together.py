"""Requests overlap where answers take long enough for that to gain something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.clients import http
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.clients.drafts import CUSTOMER
from tests.clients.support import served_katana

SIX = [CUSTOMER] * 6
LATE = 0.2
"""Seconds that an answer takes which is late."""


@contextmanager
def served(*, quick: float) -> Iterator[tuple[KatanaSandbox, KatanaClient, list[int]]]:
    """Katana, its client, and how many requests it had in hand as each came."""
    with served_katana(quick=quick) as (sandbox, client):
        handle, in_hand = sandbox.server._handle, list[int]()

        def noting(request: Request) -> Response:
            in_hand.append(sandbox.server.in_hand)
            return handle(request)

        sandbox.server._handle = noting
        yield sandbox, client, in_hand


def late(sandbox: KatanaSandbox, *, times: int) -> None:
    sandbox.server.add_fault(Fault(FaultKind.DELAY_AFTER, seconds=LATE, times=times))


def test_a_katana_that_is_near_is_asked_one_by_one() -> None:
    with served(quick=5) as (_sandbox, client, in_hand):
        client.locations()
        client.create_customers(SIX)
    assert in_hand == [1] * 7


def test_one_that_is_far_is_asked_at_once() -> None:
    with served(quick=LATE / 2) as (sandbox, client, in_hand):
        late(sandbox, times=7)
        client.locations()
        client.create_customers(SIX)
    assert max(in_hand) > 1


def test_before_any_answer_came_it_is_taken_to_be_far() -> None:
    with served(quick=5) as (sandbox, client, in_hand):
        late(sandbox, times=6)
        client.create_customers(SIX)
    assert max(in_hand) > 1


def test_where_an_answer_is_very_late_the_others_do_not_wait_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "LONG", LATE / 2)
    with served(quick=5) as (sandbox, client, in_hand):
        client.locations()
        late(sandbox, times=6)
        client.create_customers(SIX)
    assert in_hand[:3] == [1, 1, 1]
    assert max(in_hand) > 1
