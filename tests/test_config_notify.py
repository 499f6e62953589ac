"""[notify]: addresses that are secrets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config import permission_warnings
from katana_woo_sync.config.url_secrets import kind_of, secrets_in
from tests.config_samples import loaded, problems, text

TELEGRAM = "tgram://123456789:AAbbCC11ddEEff/-100200300"
PING = "https://hc-ping.example/8d6f4c9e-1111-4222-8333-444455556666"


def notify(lines: str) -> str:
    return text(top=f"[notify]\n{lines}")


def test_addresses_come_from_the_file_and_from_the_environment(tmp_path: Path) -> None:
    lines = 'urls = ["ntfy://topic", "${TG}", "ntfy://topic"]\nping_url = "${PING}"'
    found = loaded(tmp_path, notify(lines), {"TG": TELEGRAM, "PING": PING}).notify
    assert found.urls == ("ntfy://topic", TELEGRAM)
    assert found.ping_url == PING
    assert found.store_failing_after == timedelta(hours=1)


def test_addresses_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(f"# who\n\nntfy://topic\r\n{TELEGRAM}\n", encoding="utf-8")
    (tmp_path / "ping").write_text(f"{PING}\n", encoding="utf-8")
    lines = 'urls_file = "urls"\nping_url_file = "ping"'
    found = loaded(tmp_path, notify(lines)).notify
    assert found.urls == ("ntfy://topic", TELEGRAM)
    assert found.ping_url == PING


@pytest.mark.parametrize("lines", ["", "urls = []", 'ping_url = ""'])
def test_nobody_need_be_told(tmp_path: Path, lines: str) -> None:
    found = loaded(tmp_path, notify(lines)).notify
    assert (found.urls, found.ping_url) == ((), "")


@pytest.mark.parametrize(
    ("lines", "key", "message"),
    [
        ('urls = "ntfy://t0ken123"', "notify.urls", "must be a list"),
        ('urls = ["t0ken123"]', "notify.urls[0]", "must be an address"),
        ('urls = ["ntfy://t0ken 123"]', "notify.urls[0]", "must be an address"),
        ("urls = [1]", "notify.urls[0]", "must be a text"),
        ('urls = ["${NONE}"]', "notify.urls[0]", "the environment has no NONE"),
        ('urls = ["${EMPTY}"]', "notify.urls[0]", "EMPTY without a value"),
        ('urls = []\nurls_file = "f"', "notify.urls", "is given twice"),
        ('urls_file = "nowhere"', "notify.urls_file", "does not exist"),
        ('urls_file = "ntfy://t0ken123"', "notify.urls_file", "is an address"),
        ('urls_file = "empty"', "notify.urls_file", "without an address"),
        ('ping_url = "hc-ping.example/t0ken123"', "notify.ping_url", "the address that a monitor"),
        ('ping_url = "ftp://x/t0ken123"', "notify.ping_url", "the address that a monitor"),
        ('ping_url = "https://[t0ken123"', "notify.ping_url", "the address that a monitor"),
        ("store_failing_after = -1", "notify.store_failing_after", "must be a duration"),
        ("pingurl = 1", "notify.pingurl", "did you mean ping_url"),
    ],
)
def test_what_is_wrong_is_said_without_the_address(
    tmp_path: Path, lines: str, key: str, message: str
) -> None:
    (tmp_path / "empty").write_text("# nobody\n", encoding="utf-8")
    found = problems(tmp_path, notify(lines), {"EMPTY": ""})
    assert message in found[key]
    assert "t0ken123" not in "".join(found.values())


def test_the_redactor_knows_addresses_and_the_tokens_in_them(tmp_path: Path) -> None:
    lines = (
        f'urls = ["{TELEGRAM}", "mailto://me:pass%20word@shop.example.com"]\nping_url = "{PING}"'
    )
    redactor = Redactor(loaded(tmp_path, notify(lines)).secrets())
    said = f"POST api.telegram.org/bot123456789:AAbbCC11ddEEff {PING}/start login pass word"
    cleaned = redactor.text(said)
    for secret in ("AAbbCC11ddEEff", "8d6f4c9e", "pass word"):
        assert secret not in cleaned
    assert redactor.text("shop.example.com order 100200300") == "shop.example.com order 100200300"


def test_settings_do_not_show_addresses(tmp_path: Path) -> None:
    settings = loaded(tmp_path, notify(f'urls = ["{TELEGRAM}"]\nping_url = "{PING}"'))
    assert "AAbbCC11ddEEff" not in repr(settings)
    assert "8d6f4c9e" not in repr(settings)


def test_a_config_with_addresses_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[notify]\nurls = ["{TELEGRAM}"]', encoding="utf-8")
    path.chmod(0o644)
    assert len(permission_warnings(path, tmp_path / "no.db")) == 1
    path.write_text('[notify]\nurls = ["${TG}"]', encoding="utf-8")
    assert permission_warnings(path, tmp_path / "no.db") == []


@pytest.mark.parametrize(
    ("url", "kind"), [("ntfys://topic", "ntfys"), ("MailTo://x", "mailto"), ("x", "unknown")]
)
def test_an_address_is_named_by_its_scheme(url: str, kind: str) -> None:
    assert kind_of(url) == kind


def test_words_and_hosts_in_an_address_are_no_secrets() -> None:
    found = secrets_in("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#orders")
    assert {"T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"} < found
    assert "orders" not in found


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("mailto://me:swordfish@mail.example.com?to=shop@example.com", "swordfish"),
        ("mailtos://me:sword%20fish@mail.example.com/?from=a@b.example", "sword fish"),
        ("json://host.example/hook?password=swordfish&x=1", "swordfish"),
        ("ntfys://tk_abcdef12345@ntfy.example.com/orders", "tk_abcdef12345"),
    ],
)
def test_passwords_in_an_address_are_secrets(url: str, secret: str) -> None:
    assert secret in secrets_in(url)
    assert not {"mail.example.com", "orders", "host.example"} & secrets_in(url)


def test_a_topic_that_is_a_word_does_not_hide_the_word_elsewhere() -> None:
    redactor = Redactor(secrets_in("ntfy://orders") | secrets_in("ntfy://katana-woo-sync"))
    said = "3 orders need you: katana-woo-sync status"
    assert redactor.text(said) == said
    assert "orders" not in redactor.text("POST ntfy://orders")
