"""`python -m katana_woo_sync` and the console script."""

from __future__ import annotations

import gc
import signal

# Loading makes hardly anything but what stays: looking through it for garbage, time and again,
# would be a fifth of what an idle cycle costs. It is on again once the command is loaded.
gc.disable()

# Until a command listens for it, Ctrl-C ends the program at once, as SIGTERM does: nothing was
# begun, and Python's own way is a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from katana_woo_sync.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
