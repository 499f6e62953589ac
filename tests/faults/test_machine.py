"""The machine under the program: its disk, its clock, its network."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import ssl
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.report import ExitCode, Report
from tests.cli.support import run, wait_until
from tests.faults.proxy import proxy
from tests.forked import forked
from tests.sync.world import World


def process(world: World, *arguments: str, largest_file: int | None = None) -> tuple[int, str]:
    """Run a command as a process of its own, in which no file may grow beyond a size."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        ["katana-woo-sync"],
        preexec_fn=forked(["--config", str(world.config), *arguments], os.environ, limit),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_full_disk_is_said_and_nothing_is_doubled(world: World) -> None:
    orders = [world.order() for _ in range(3)]
    size = max(world.ledger.stat().st_size, 4096)
    code, said = process(world, "sync", largest_file=size)
    assert code == ExitCode.TRY_LATER
    assert "Traceback" not in said
    assert str(world.ledger) in said
    code, _said = process(world, "sync")
    world.settle(4)
    assert [len(world.in_katana(order)) for order in orders] == [1, 1, 1]


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(world: World) -> None:
    world.directory.chmod(0o500)
    try:
        result = run(world, "sync")
    finally:
        world.directory.chmod(0o700)
    assert result.exit_code in (ExitCode.USAGE, ExitCode.TRY_LATER)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("place", [100, 5000, 20000])
def test_a_ledger_that_was_scribbled_over_is_said_kept_and_rebuilt(
    world: World, place: int
) -> None:
    order = world.order()
    world.sync()
    with closing(sqlite3.connect(world.ledger)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with world.ledger.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 3000)
    result = run(world, "sync")
    assert result.exit_code == ExitCode.USAGE
    assert "Traceback" not in result.output
    assert "rebuild-ledger" in result.output
    assert run(world, "rebuild-ledger").exit_code in (0, 1)
    assert list(world.directory.glob("ledger.db.broken-*"))
    world.sync()
    assert len(world.in_katana(order)) == 1


@pytest.mark.parametrize("hours", [-26, 26])
def test_a_clock_that_is_a_day_off_loses_and_doubles_nothing(world: World, hours: int) -> None:
    def cycle(minutes: int) -> Report:
        world.clock.tick(minutes=minutes)
        program = replace(world.program(), clock=lambda: world.clock() + timedelta(hours=hours))
        with program.context() as context:
            run_cycle(context, list(program.stores.values()), Options())
            return context.report

    orders = [world.order()]
    cycle(5)
    orders.append(world.order())
    cycle(5)
    world.katana.deliver(world.sales_order(orders[0]).id)
    for _ in range(3):
        cycle(5)
    world.sync(minutes=60)  # and right again
    assert [len(world.in_katana(order)) for order in orders] == [1, 1]
    assert (world.status(orders[0]), world.completions(orders[0])) == ("completed", 1)


def test_a_name_that_does_not_resolve_is_for_later(world: World) -> None:
    own = f'url = "https://shop.invalid"\nkatana_store_name = "{world.identity}"'
    world.configure(stores={"eu": own})
    result = run(world, "sync")
    assert result.exit_code in (ExitCode.TRY_LATER, ExitCode.USAGE)
    assert "name" in result.output
    assert "Traceback" not in result.output


def behind(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """From now on the environment names a proxy for everything."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_of_the_environment_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order = world.order()
    with proxy() as (there, address):
        behind(monkeypatch, address)
        assert run(world, "sync").exit_code == 0
        assert there.passed >= 3
        assert len(world.in_katana(order)) == 1


def test_a_proxy_that_refuses_or_is_down_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = world.order()
    with proxy() as (there, address):
        behind(monkeypatch, address)
        there.refuses = True
        refused = run(world, "sync")
    down = run(world, "sync")
    for result, word in ((refused, "403"), (down, "proxy")):
        assert "Traceback" not in result.output
        assert word in result.output
        assert result.exit_code in (ExitCode.TRY_LATER, ExitCode.USAGE)
    assert world.in_katana(order) == []


def test_a_certificate_that_expired_is_refused_with_its_reason(
    world: World, tmp_path: Path
) -> None:
    cert, key = expired_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with WooCommerceSandbox(ssl_context=context) as shop:
        order = shop.place_order()
        lines = f'url = "{shop.url}"\nca_file = "{cert}"\nkatana_store_name = "{world.identity}"'
        world.configure(stores={"eu": lines})
        result = run(world, "sync")
        assert result.exit_code in (ExitCode.TRY_LATER, ExitCode.USAGE)
        assert "expired" in result.output
        assert shop.server.count() == 0
        assert world.in_katana(order) == []


def expired_certificate(folder: Path) -> tuple[str, str]:
    """A certificate for loopback that was good for a day, some years ago."""
    cert, key = str(folder / "old.pem"), str(folder / "old-key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    dates = ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [*command.split(), *names, "-keyout", key, "-out", cert]
    if subprocess.run([*made, *dates], capture_output=True, check=False).returncode:
        late = ["-days", "-1"]  # older versions of openssl take no dates, but days in the past
        if subprocess.run([*made, *late], capture_output=True, check=False).returncode:
            pytest.skip("this openssl makes no certificate that has expired")
    return cert, key


def test_power_loss_between_two_writes_of_one_group_leaves_neither(world: World) -> None:
    """A group of writes is all or nothing, also for a process that is killed within it."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from katana_woo_sync.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        "with ledger.atomic():\n"
        "    ledger.stores.set_meta('one', '1')\n"
        "    ledger.stores.set_meta('two', '2')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(world.ledger)], check=False)
    wait_until(lambda: run(world, "status").exit_code == 0)
    with closing(sqlite3.connect(world.ledger)) as ledger:
        found = ledger.execute("SELECT count(*) FROM meta WHERE key IN ('one', 'two')").fetchone()
    assert found == (0,)
