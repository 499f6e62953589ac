"""Where the configuration is found, how secrets come out of files, and who may read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from katana_woo_sync.config import ConfigError, find, load, permission_warnings
from tests.config_samples import loaded, problems, text

VARIABLE = "KATANA_WOO_SYNC_CONFIG"


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home/.config/katana-woo-sync").mkdir(parents=True)
    return tmp_path / "home"


def test_the_option_comes_before_everything(cwd: Path, home: Path) -> None:
    (cwd / "config.toml").touch()
    environ = {VARIABLE: "/other.toml"}
    assert find("/named.toml", environ, cwd, home) == Path("/named.toml")
    assert find("named.toml", environ, cwd, home) == cwd / "named.toml"


def test_then_the_environment(cwd: Path, home: Path) -> None:
    (cwd / "config.toml").touch()
    assert find(None, {VARIABLE: "~/other.toml"}, cwd, home) == home / "other.toml"


def test_then_the_folder_then_the_home(cwd: Path, home: Path) -> None:
    at_home = home / ".config/katana-woo-sync/config.toml"
    at_home.touch()
    assert find(None, {VARIABLE: ""}, cwd, home) == at_home
    (cwd / "config.toml").touch()
    assert find(None, {}, cwd, home) == cwd / "config.toml"


def test_nothing_found_names_all_places(
    cwd: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    etc = tmp_path / "etc/config.toml"
    monkeypatch.setattr("katana_woo_sync.config.files.SYSTEM_CONFIG", etc)
    (cwd / "config.toml").mkdir()
    with pytest.raises(ConfigError) as caught:
        find(None, {}, cwd, home)
    at_home = home / ".config/katana-woo-sync/config.toml"
    for place in ("--config", VARIABLE, f"{cwd}/config.toml (not a file)", str(at_home), str(etc)):
        assert place in str(caught.value)
    assert caught.value.path is None


def test_a_place_that_cannot_be_looked_at_is_said(cwd: Path, home: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        find(None, {}, cwd / ("x" * 300), home)


def test_a_folder_that_is_gone_and_a_user_without_a_home(cwd: Path, home: Path) -> None:
    assert find("/named.toml", {}, None, None) == Path("/named.toml")
    assert find("named.toml", {}, cwd, None) == cwd / "named.toml"
    assert find("~/named.toml", {}, None, home) == home / "named.toml"
    with pytest.raises(ConfigError, match=r"named\.toml cannot be found: the folder .* is gone"):
        find("named.toml", {}, None, home)
    with pytest.raises(ConfigError, match=r"~/named\.toml cannot be found: this user has no home"):
        find("~/named.toml", {}, cwd, None)
    with pytest.raises(ConfigError, match=r"is gone\), .*HOME is not set\)"):
        find(None, {}, None, None)


def test_an_empty_option_is_no_reason_to_take_another_file(cwd: Path, home: Path) -> None:
    (cwd / "config.toml").touch()
    with pytest.raises(ConfigError, match="--config names no file"):
        find("", {}, cwd, home)


def test_a_missing_file_a_folder_and_a_closed_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: does not exist"):
        load(tmp_path / "nowhere.toml", {})
    with pytest.raises(ConfigError, match="is a folder, not a file"):
        load(tmp_path, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    closed = tmp_path / "config.toml"
    closed.touch(0o000)
    with pytest.raises(ConfigError, match="permission denied"):
        load(closed, {})


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"# ok\n# caf\xe9\n")
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load(file, {})


def test_what_windows_editors_write_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf" + text().replace("\n", "\r\n").encode())
    assert load(file, {}).stores[0].name == "eu"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="too large"):
        load(Path("/dev/zero"), {})


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    top = 'ledger = "data/ledger.db"\n[report]\npath = "~/page.html"'
    settings = loaded(tmp_path, text(top=top, store='ca_file = "ca.pem"'), {"HOME": "/home/eva"})
    assert settings.ledger == tmp_path / "data/ledger.db"
    assert settings.stores[0].ca_file == tmp_path / "ca.pem"
    assert settings.report.path == Path("/home/eva/page.html")


@pytest.mark.parametrize("value", ["", ".", "a\\u0000b", "~nobody-of-this-name/x"])
def test_a_ledger_must_be_a_file(tmp_path: Path, value: str) -> None:
    assert problems(tmp_path, text(top=f'ledger = "{value}"'))["ledger"].startswith("must ")


def test_a_ca_file_must_be_readable(tmp_path: Path) -> None:
    found = problems(tmp_path, text(store='ca_file = "nowhere.pem"'))
    assert "does not exist" in found["stores[0].ca_file"]


@pytest.mark.parametrize("content", [b"ck_of_file", b"ck_of_file\n", b"ck_of_file\r\n"])
def test_a_secret_of_a_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    store = text(store='consumer_key_file = "key"').replace('consumer_key = "ck_eu"', "")
    settings = loaded(tmp_path, store)
    assert settings.stores[0].consumer_key == "ck_of_file"
    assert "ck_of_file" in settings.secrets()


def test_a_secret_of_systemds_credentials(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden")
    katana = text().replace(
        'api_key = "katana-key"', 'api_key_file = "${CREDENTIALS_DIRECTORY}/key"'
    )
    settings = loaded(tmp_path, katana, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings.katana.api_key == "hidden"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hidden hidden", "a space"),
        (b"hidden\nhidden\n", "a line break"),
        (b"hidden\xff", "not UTF-8"),
        (b"hidden" * 10_000, "too large"),
        (None, "does not exist"),
    ],
)
def test_a_file_without_a_secret(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    config = text().replace('api_key = "katana-key"', 'api_key_file = "key"')
    found = problems(tmp_path, config)
    assert message in found["katana.api_key_file"]
    assert "hidden" not in str(found)


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden")
    found = problems(tmp_path, text(katana='api_key_file = "key"'))
    assert found["katana.api_key"] == "is given twice: keep either api_key or api_key_file"


def test_a_key_taken_for_its_files_name_is_not_shown(tmp_path: Path) -> None:
    config = text().replace('consumer_key = "ck_eu"', 'consumer_key_file = "ck_0123456789"')
    assert "0123456789" not in str(problems(tmp_path, config))
    config = text().replace('api_key = "katana-key"', 'api_key_file = "${KEY}"')
    assert "hidden" not in str(problems(tmp_path, config, {"KEY": "hidden"}))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    config, ledger = tmp_path / "config.toml", tmp_path / "ledger.db"
    config.write_text(text())
    ledger.touch()
    for file in (config, ledger):
        file.chmod(0o600)
    return config, ledger


def test_files_of_their_owner_alone_are_not_warned_of(files: tuple[Path, Path]) -> None:
    assert permission_warnings(*files) == []


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_config_with_keys_that_others_can_read(files: tuple[Path, Path], mode: int) -> None:
    files[0].chmod(mode)
    (warning,) = permission_warnings(*files)
    assert warning.endswith(f"chmod 600 {files[0]}")


def test_a_config_without_keys_may_be_read(files: tuple[Path, Path]) -> None:
    without = (
        text(katana='api_key = "${KEY}"')
        .replace('consumer_key = "ck_eu"', 'consumer_key_file = "key"')
        .replace("cs_eu", "${SECRET}")
    )
    files[0].write_text(without)
    files[0].chmod(0o644)
    assert permission_warnings(*files) == []


def test_a_ledger_that_others_can_read(files: tuple[Path, Path]) -> None:
    ledger = files[1].rename(files[1].with_name("my ledger.db"))
    ledger.chmod(0o644)
    (warning,) = permission_warnings(files[0], ledger)
    assert warning.endswith(f"chmod 600 '{ledger}'")


def test_files_that_are_not_there_are_not_warned_of(tmp_path: Path) -> None:
    assert permission_warnings(tmp_path / "a", tmp_path / "b") == []
