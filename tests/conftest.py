"""What tests of several folders need."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tenacity import wait_random_exponential

from katana_woo_sync.clients import http
from tests.in_process import in_process

# ledgers are written through to the disk; where a folder is kept in memory that costs nothing
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    tempfile.tempdir = str(MEMORY)

# where nothing compiled is kept, each program that a test starts would be compiled anew
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first: no worker is left with them at the end."""
    items.sort(key=lambda item: "simulation" not in item.path.parts)


def pytest_collection_finish() -> None:
    """What was loaded stays: no collection of garbage looks at it again, and there are fewer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


# a busy machine is no fault of what is tested
busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("few", busy, max_examples=40)
settings.register_profile("many", busy, max_examples=1000)
settings.load_profile("few")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for loopback that nobody else trusts, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [*command.split(), "-keyout", key, "-out", cert, *names]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    return cert, key


@pytest.fixture(autouse=True)
def without_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the network is not what is tested, the sandboxes are asked without it."""
    folder = request.path.relative_to(Path(__file__).parent).parts[0]
    if folder in ("cli", "faults", "sync", "traps"):
        with in_process():
            yield
    else:
        yield


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come after a fiftieth of the usual time; how long it is, is a test of its own."""
    monkeypatch.setattr(http, "BACKOFF", wait_random_exponential(multiplier=0.02, max=0.4))
