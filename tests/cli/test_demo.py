"""The demo shows what it says."""

from __future__ import annotations

from click.testing import CliRunner

from katana_woo_sync.cli.main import cli


def test_the_demo_is_as_it_should_be() -> None:
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 0, result.output
    assert "NOT AS IT SHOULD BE" not in result.output
    assert "An order that needs a person" in result.output
