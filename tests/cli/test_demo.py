"""The demo shows what it says."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from katana_woo_sync.cli.main import cli


def test_the_demo_is_as_it_should_be() -> None:
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 0, result.output
    assert "NOT AS IT SHOULD BE" not in result.output
    assert "An order that needs a person" in result.output


@pytest.mark.parametrize("package", ["werkzeug", "jsonschema"])
@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_without_the_demos_packages_its_commands_name_the_line_that_installs_them(
    command: str, package: str
) -> None:
    code = f"""
        import sys
        sys.modules[{package!r}] = None
        sys.argv = ["katana-woo-sync", {command!r}]
        from katana_woo_sync.__main__ import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'run: pip install "katana-woo-sync[demo]"' in done.stderr
    assert "Traceback" not in done.stderr
