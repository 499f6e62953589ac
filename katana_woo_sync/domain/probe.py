"""What `probe` finds out about a Katana account: the questions, and how answers are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

STORE_NAME = "probe.invalid"
"""The store name of the probe's sales orders. No shop can have it (RFC 2606), so that every rule of
the sync passes them over."""

PREFIX = "probe-"
"""What the ids, numbers and names of the probe's records begin with."""


class Step(Struct, frozen=True):
    """A part of the probe that can be left out."""

    name: str
    does: str


NUMBER = Step("number", "create a second order with the same number")
LIST = Step("list", "wait until the order is in Katana's list")
FILTERS = Step("filters", "ask the list with filters that fit no order")
FEE = Step("fee", "add a shipping fee of 0.00")
DELIVERY = Step("delivery", "deliver the order (by its status, then by a fulfilment)")
ALWAYS = Step("", "what every probe does")

STEPS = (NUMBER, LIST, FILTERS, FEE, DELIVERY)


class Question(Struct, frozen=True):
    """What is asked, by which step, and what is expected; `others` are the other answers, each with
    what it means for the sync."""

    name: str
    step: Step
    asks: str
    expected: str
    others: Mapping[str, str]


QUESTIONS = (
    Question(
        "order_number",
        NUMBER,
        "An order number that Katana has already is",
        "refused",
        {"taken twice": "Numbers of other programs may come twice; none of this one's own does."},
    ),
    Question(
        "listed",
        LIST,
        "A created order is in Katana's list",
        "at once",
        {
            "later": "After a lost answer the sync waits twice as long at least.",
            "not within 3 minutes": "After a lost answer the sync waits 6 minutes at least.",
        },
    ),
    *(
        Question(
            f"filter_{field}",
            FILTERS,
            f"The list's filter ecommerce_{field}",
            "filters",
            {
                "is ignored": "The sync filters by itself, and reads longer lists for it.",
                "hides the order": "Report it: the sync would not find orders by it.",
            },
        )
        for field in ("order_type", "store_name", "order_id")
    ),
    Question(
        "fee_moves",
        FEE,
        "A shipping fee moves the order's updated_at",
        "yes",
        {"no": "Nothing: the sync does not depend on it."},
    ),
    Question(
        "status",
        DELIVERY,
        "The status DELIVERED, set for an order of a service,",
        "delivers",
        {
            "delivers later": "Nothing: the sync looks at the fulfilments.",
            "changes nothing": "Orders of services alone are delivered by a fulfilment.",
            "is refused": "An approval may be missing; such deliveries are shown to you.",
        },
    ),
    Question(
        "information",
        DELIVERY,
        "Delivering so leaves additional_info",
        "as it was",
        {"empty": "The sync sends it along with each delivery."},
    ),
    Question(
        "service",
        DELIVERY,
        "A service in a fulfilment is",
        "taken",
        {"refused": "The sync delivers such orders without their services."},
    ),
    Question(
        "fulfillment_moves",
        DELIVERY,
        "A fulfilment moves the order's updated_at",
        "yes",
        {"no": "The sync asks for all open orders by their ids as often as it sets stock."},
    ),
    Question(
        "deletion_moves",
        ALWAYS,
        "A deletion moves the order's updated_at",
        "yes",
        {"no": "The sync asks for all open orders by their ids as often as it sets stock."},
    ),
    Question(
        "deletion_answer",
        ALWAYS,
        "A deletion is answered with",
        "204 without a body",
        {
            "200 without a body": "The sync looks whether it was deleted.",
            "200 with a body": "Nothing: the sync takes that too.",
        },
    ),
    Question(
        "reset",
        ALWAYS,
        "X-Ratelimit-Reset is in",
        "milliseconds",
        {
            "seconds": "Nothing: the sync takes either.",
            "seconds from now": "Nothing: the sync takes either.",
        },
    ),
    Question(
        "quota",
        ALWAYS,
        "The key's quota is used by",
        "nobody else",
        {"somebody else": "Give each program a key of its own, or lower requests_per_minute."},
    ),
)


class Found(Struct, frozen=True):
    """What was found at a time (UTC), in a few words, `detail` in more. `amount` is in seconds, or
    in requests, where there is something to count."""

    found: str
    at: datetime
    detail: str = ""
    amount: float = 0.0


def differing(found: Mapping[str, Found]) -> list[tuple[Question, Found]]:
    """The questions whose answers were not as expected."""
    return [
        (question, found[question.name])
        for question in QUESTIONS
        if question.name in found and found[question.name].found != question.expected
    ]


MILLISECONDS, SECONDS = 1e11, 1e6
"""Times since the epoch are larger than this."""


def unit_of_reset(header: str) -> str:
    """The unit of `X-Ratelimit-Reset`, by its size; "" where it is no number."""
    try:
        number = float(header)
    except ValueError:
        return ""
    if number > MILLISECONDS:
        return "milliseconds"
    return "seconds" if number > SECONDS else "seconds from now"


def requests_of_others(remaining: Sequence[str]) -> int | None:
    """How many requests somebody else sent with the key meanwhile, by what
    `X-Ratelimit-Remaining` said after each request ("" where it said nothing); None where that does
    not tell."""
    others, before, own = 0, None, 0
    is_known = False
    for text in remaining:
        own += 1
        if not text.isdecimal():
            continue
        now = int(text)
        if before is not None:
            is_known = True
            # more is left than before where a window began anew
            others += max(0, before - now - own)
        before, own = now, 0
    return others if is_known else None
