"""Secrets never leave the program in a text, and nothing in a log line moves a terminal."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.clients.redact import RedactingFilter, Redactor
from tests.clients.support import KEY, SECRET

ODD = "p+ss/wörd=1&2"
REDACTOR = Redactor([KEY, SECRET, ODD])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        ODD,
        quote(ODD, safe=""),
        quote(ODD, safe="").lower(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"{KEY}:{SECRET}".encode()).decode(),
        base64.b64encode(f"x{SECRET}y".encode()).decode(),
    ],
)
def test_a_secret_is_hidden_in_every_form(form: str) -> None:
    hidden = REDACTOR.text(f"before {form} after")
    assert form not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert "[hidden]" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.test/?consumer_key=WHOSE&consumer_secret=WHOSE",
        "https://shop.test/?oauth_signature=WHOSE%3D&oauth_nonce=WHOSE",
        "{'consumer_secret': 'WHOSE'}",
        "Authorization: Basic WHOSEWHOSE=",
        "Authorization: Bearer WHOSE-WHOSE",
        "https://WHOSE:WHOSE@proxy.test:8080/",
    ],
)
def test_credentials_that_are_not_ours_are_hidden_too(text: str) -> None:
    assert "WHOSE" not in REDACTOR.text(text)


@given(st.text(), st.text())
def test_no_text_around_it_brings_a_secret_out(before: str, after: str) -> None:
    once = REDACTOR.text(f"{before}{SECRET}{after}")
    assert SECRET not in once


def logged(message: str, *args: object, error: Exception | None = None, **extra: str) -> str:
    """What a handler with the filter writes."""
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, message, args, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    for name, value in extra.items():
        setattr(record, name, value)
    assert RedactingFilter(REDACTOR).filter(record)
    return logging.Formatter("%(message)s").format(record)


def test_a_log_line_is_cleaned_with_its_arguments() -> None:
    assert logged("key %s of %d %%", SECRET, 5) == "key [hidden] of 5 %"


def test_a_log_line_is_one_line_without_escapes() -> None:
    assert logged("name: %s", "a\nb\x1b[31m\u202ec\u2028") == r"name: a\nb\x1b[31m\u202ec\u2028"


def test_emoji_and_letters_stay() -> None:
    assert logged("Zoë 👩\u200d🎨") == "Zoë 👩\u200d🎨"


def test_a_traceback_is_cleaned_and_cannot_pass_for_a_record() -> None:
    try:
        raise ValueError(f"{SECRET}\nERROR all orders lost\x1b[2J")
    except ValueError as error:
        lines = logged("failed", error=error).split("\n")
    assert lines[0] == "failed"
    assert all(line.startswith("  | ") for line in lines[1:])
    assert SECRET not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_arguments_that_do_not_fit_do_not_end_the_program() -> None:
    assert "[hidden]" in logged("%d orders", SECRET)


def test_what_a_record_carries_besides_is_cleaned() -> None:
    record = logging.makeLogRecord({"msg": "x", "order": f"5\n{SECRET}"})
    RedactingFilter(REDACTOR).filter(record)
    assert vars(record)["order"] == r"5\n[hidden]"
