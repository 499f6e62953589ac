"""The ledger: what the program remembers between runs, in one SQLite file.

All SQL of the program is in this package. Every public method is one group of writes that is
committed whole or not at all; `Ledger.atomic` makes one group of several.
"""

from katana_woo_sync.ledger.database import Ledger, LedgerError

__all__ = ["Ledger", "LedgerError"]
