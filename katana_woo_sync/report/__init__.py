"""The status page: values in, one self-contained HTML document out. Pure but for reading its own
template, style and script."""

from katana_woo_sync.report.page import render
from katana_woo_sync.report.values import Page

__all__ = ["Page", "render"]
