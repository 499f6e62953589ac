"""The sandbox Katana itself: its server, and what tests and the demo do behind the API's back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.katana.account import AccountControls
from katana_woo_sync.sandbox.katana.api import PREFIX, KatanaApp, Quota, RefusedRequest
from katana_woo_sync.sandbox.katana.customers import CustomerControls
from katana_woo_sync.sandbox.katana.inventory import InventoryControls
from katana_woo_sync.sandbox.katana.items import ItemControls
from katana_woo_sync.sandbox.katana.sales_orders import OrderControls
from katana_woo_sync.sandbox.katana.state import State
from katana_woo_sync.sandbox.katana.stock import StockControls
from katana_woo_sync.sandbox.server import SandboxServer, Served, utc_now

DEFAULT_TAX_PERCENTAGE = Decimal(22)


class KatanaSandbox(
    OrderControls,
    CustomerControls,
    ItemControls,
    StockControls,
    InventoryControls,
    AccountControls,
    Served,
):
    """A stateful, in-memory Katana on loopback that holds every request to the published contract.

    It starts with one primary location, "Main location", and one tax rate, which is the default of
    sales that name none. All control methods may be called from any thread, before or while it is
    served; what they change bumps `updated_at` as a person's work in Katana's screens does.

    `requests_per_minute=None` lifts the limit; the headers are sent all the same.
    `reset_in_seconds` sends `X-Ratelimit-Reset` in seconds instead of milliseconds.
    `batch_shortage_refused=False` delivers batch-tracked goods that no batch holds.
    """

    def __init__(
        self,
        *,
        api_key: str = "sandbox-katana-key",
        clock: Callable[[], datetime] = utc_now,
        requests_per_minute: int | None = 60,
        base_currency: str = "EUR",
        batch_shortage_refused: bool = True,
        reset_in_seconds: bool = False,
        default_tax_percentage: Decimal = DEFAULT_TAX_PERCENTAGE,
        port: int = 0,
    ) -> None:
        self.api_key = api_key
        super().__init__(State(clock, base_currency))
        self._state.shortage_refused = batch_shortage_refused
        self._quota = Quota(requests_per_minute, clock, reset_in_seconds=reset_in_seconds)
        self._app = KatanaApp(self._state, self._quota, api_key)
        self.server = SandboxServer(self._app.handle, port=port, clock=clock)
        self.main_location_id = self.add_location("Main location", is_primary=True)
        self.default_tax_rate_id = self.add_tax_rate(
            default_tax_percentage, "Default tax", is_default=True
        )

    def set_clock(self, clock: Callable[[], datetime]) -> None:
        """Katana's clock is another from now on: its times and its answers' dates are by it."""
        self._state.clock = self.server.clock = clock

    def ignore_filters(self, *names: str) -> None:
        """From now on lists pass over these filters."""
        self._state.ignored_filters |= frozenset(names)

    def find_nothing_by(self, *filters: str) -> None:
        """From now on lists with these filters are empty."""
        self._state.blind_filters |= frozenset(filters)

    def refuse_deletions(self, *paths: str) -> None:
        """From now on what stands at these paths ("/customers", say) cannot be deleted."""
        self._state.undeletable = frozenset(paths)

    def answer_deletions(self, *, status: int = 204, with_body: bool = False) -> None:
        """From now on answer a deletion so."""
        self._state.deletion_status, self._state.deletion_has_body = status, with_body

    def reset_in(self, unit: str) -> None:
        """From now on `X-Ratelimit-Reset` is in "seconds", or "seconds from now"."""
        self._quota.reset_in = unit

    def limit_requests(self, per_minute: int | None) -> None:
        """From now on Katana takes so many requests a minute; None: all."""
        self._quota.limit(per_minute)

    def share_quota(self, others: int) -> None:
        """From now on somebody else sends so many requests with the key, for each one here."""
        self._quota.others = others

    @property
    def url(self) -> str:
        """The base address, `/v1` included, without a trailing slash."""
        return self.server.url + PREFIX

    @property
    def contract_violations(self) -> list[RefusedRequest]:
        """Every request that was answered 422 VALIDATION_FAILED."""
        with self._state.lock:
            return list(self._app.violations)

    @property
    def refusals(self) -> list[RefusedRequest]:
        """Every request that kept the contract and was answered 422 all the same."""
        with self._state.lock:
            return list(self._app.refusals)
