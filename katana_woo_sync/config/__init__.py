"""The configuration: from a TOML file to typed, frozen settings, or to a list of its problems."""

from katana_woo_sync.config.files import find
from katana_woo_sync.config.load import load
from katana_woo_sync.config.permissions import permission_warnings
from katana_woo_sync.config.problems import ConfigError, Problem
from katana_woo_sync.config.settings import (
    KatanaSettings,
    OrderSettings,
    ReportSettings,
    ScheduleSettings,
    Settings,
    StoreSettings,
)
from katana_woo_sync.config.values import StockReserve

__all__ = [
    "ConfigError",
    "KatanaSettings",
    "OrderSettings",
    "Problem",
    "ReportSettings",
    "ScheduleSettings",
    "Settings",
    "StockReserve",
    "StoreSettings",
    "find",
    "load",
    "permission_warnings",
]
