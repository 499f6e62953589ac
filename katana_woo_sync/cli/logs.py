"""Log lines on standard error, as text or JSON; no secret ever gets into one."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from katana_woo_sync.clients.redact import RedactingFilter, Redactor

LEVELS = {-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time (UTC), level, message, and the store and order it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        for name in ("store", "order", "order_id"):
            value = getattr(record, name, None)
            if value is not None:
                entry[name] = value
        if record.exc_text:  # the filter has put it there, without secrets
            entry["traceback"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


def set_up(log_format: str, verbosity: int, redactor: Redactor) -> None:
    """Send the program's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
        )
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.getLogger("katana_woo_sync")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(LEVELS[max(-1, min(1, verbosity))])
