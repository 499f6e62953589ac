"""The program as a process that is forked from this one. It is killed, stopped, and holds locks as
any other; only Python and the program are not loaded anew, which is most of what a process costs.

    subprocess.Popen(["katana-woo-sync"], preexec_fn=forked(["sync"], os.environ), …)

What is tested of the loading itself starts `python -m katana_woo_sync`.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import runpy
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

UNSHOWN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def forked(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    first: Callable[[], object] = lambda: None,
) -> Callable[[], NoReturn]:
    """What a new process is to do in place of executing a file: be the program, with these
    arguments and this environment, after it did something `first`."""
    environ = dict(environ)

    def program() -> NoReturn:
        code = 1
        try:
            _forget(environ)
            first()
            _open_streams()
            sys.argv = ["katana-woo-sync", *arguments]
            runpy.run_module("katana_woo_sync", run_name="__main__")
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        except BaseException:  # noqa: BLE001 (as Python itself)
            traceback.print_exc()
        finally:
            _flush()
            os._exit(code)

    return program


def _forget(environ: Mapping[str, str]) -> None:
    """Leave nothing of what the tests set up."""
    gc.freeze()  # nothing of the other process closes a file here
    os.closerange(3, 4096)
    os.environ.clear()
    os.environ.update(environ)
    random.seed()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    sys.unraisablehook = sys.__unraisablehook__
    threading.excepthook = threading.__excepthook__
    logging.root.handlers.clear()
    warnings.resetwarnings()
    for kind in UNSHOWN:
        warnings.simplefilter("ignore", kind)


def _open_streams() -> None:
    sys.stdin = _stream(0, "r", "strict")
    sys.stdout = _stream(1, "w", "strict")
    sys.stderr = _stream(2, "w", "backslashreplace")


def _stream(number: int, mode: str, errors: str) -> Any:
    """None where the descriptor is closed."""
    with suppress(OSError):
        return open(number, mode, encoding="utf-8", errors=errors, closefd=False)
    return None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
