"""`python -m katana_woo_sync` and the console script."""

from __future__ import annotations

from katana_woo_sync.cli.main import main

if __name__ == "__main__":
    main()
