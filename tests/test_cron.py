"""The files of cron/: they parse, start commands that exist, and agree with each other."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

CRON = Path(__file__).resolve().parents[1] / "cron"
SERVICES = sorted(CRON.glob("*.service"))
TIMERS = sorted(CRON.glob("*.timer"))
LOOPS = ["katana-woo-sync-run.service", "katana-woo-sync-run@.service"]
PROGRAM = "/usr/local/bin/katana-woo-sync"
COMMANDS = {"sync", "run"}
FLAGS = {"-q", "-v"}
OPTIONS = {"--config": r"/etc/katana-woo-sync/[\w%]+\.toml", "--log-format": "text|json"}

Unit = dict[str, dict[str, list[str]]]


def unit(path: Path) -> Unit:
    """Section → key → values, in systemd's way: a key may stand several times."""
    sections: Unit = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            sections[section][key].append(value)
    return sections


def is_known(command: list[str]) -> bool:
    """Whether the program's command line has this form: options, then a command."""
    program, *rest = command
    if program != PROGRAM:
        return False
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in FLAGS:
            continue
        if not (option in OPTIONS and re.fullmatch(OPTIONS[option], rest.pop(0))):
            return False
    return len(rest) == 1 and rest[0] in COMMANDS


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_services_start_a_command_of_the_program(path: Path) -> None:
    (start,) = unit(path)["Service"]["ExecStart"]
    assert is_known(shlex.split(start))


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh sync",
        f"{PROGRAM} backfil",
        f"{PROGRAM} --conf x sync",
        f"{PROGRAM} --config /x sync",
    ],
)
def test_a_command_that_the_program_does_not_have_would_be_noticed(command: str) -> None:
    assert not is_known(command.split())


def test_each_timer_has_its_service() -> None:
    assert {timer.stem for timer in TIMERS} == {"katana-woo-sync", "katana-woo-sync@"}
    assert all(timer.with_suffix(".service") in SERVICES for timer in TIMERS)


@pytest.mark.parametrize("path", TIMERS, ids=lambda path: path.name)
def test_timers_start_every_five_minutes_and_make_up_for_missed_starts(path: Path) -> None:
    timer = unit(path)["Timer"]
    assert timer["OnCalendar"] == ["*:0/5"]
    assert timer["Persistent"] == ["true"]
    assert timer["RandomizedDelaySec"] == ["60s"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_services_hold_nothing_they_do_not_need(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == ["katana-woo-sync"]
    assert service["ProtectSystem"] == ["strict"]
    for protection in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices"):
        assert service[protection] == ["true"]
    assert service["UMask"] == ["0077"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_ledger_named_in_the_remark_is_where_the_service_may_write(path: Path) -> None:
    (state,) = unit(path)["Service"]["StateDirectory"]
    assert f'ledger = "/var/lib/{state}/katana-woo-sync.db"' in path.read_text()


def test_neither_orders_that_need_a_person_nor_outages_are_failures_of_the_timers_unit() -> None:
    for name in ("katana-woo-sync.service", "katana-woo-sync@.service"):
        service = unit(CRON / name)["Service"]
        assert service["Type"] == ["oneshot"]
        assert service["SuccessExitStatus"] == ["1 75"]


@pytest.mark.parametrize("name", LOOPS)
def test_the_loop_is_started_again_but_not_with_a_wrong_configuration(name: str) -> None:
    service = unit(CRON / name)["Service"]
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert service["TimeoutStopSec"] == ["5min"]


@pytest.mark.parametrize("name", LOOPS)
def test_the_loop_is_ready_and_alive_when_it_says_so(name: str) -> None:
    service = unit(CRON / name)["Service"]
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert service["WatchdogSec"] == ["5min"]


@pytest.mark.parametrize("name", ["katana-woo-sync", "katana-woo-sync-run"])
def test_the_template_differs_from_the_single_service_only_in_its_places(name: str) -> None:
    single = unit(CRON / f"{name}.service")["Service"]
    template = unit(CRON / f"{name}@.service")["Service"]
    different = {key for key in single | template if single[key] != template[key]}
    assert different == {"ExecStart", "EnvironmentFile", "StateDirectory"}


def test_the_crontab_runs_sync_as_the_programs_user() -> None:
    lines = [
        line
        for line in (CRON / "crontab").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "MAILTO=root"
    (job,) = lines[1:]
    *times, user, command = job.split(maxsplit=6)
    assert times == ["3-59/5", "*", "*", "*", "*"]
    assert user == "katana-woo-sync"
    assert is_known(shlex.split(command))
    assert "flock" not in command


def test_the_readme_installs_the_files_that_are_there_in_five_commands_each() -> None:
    readme = (CRON / "README.md").read_text()
    named = set(re.findall(r"cron/([\w@.-]+)", readme))
    assert named == {path.name for path in CRON.iterdir()} - {"README.md"}
    for title in ("The timer", "The loop", "cron", "Several Katana accounts"):
        section = readme.split(f"## {title}\n")[1].split("\n## ")[0]
        commands = section.split("```sh\n")[1].split("```")[0].splitlines()
        assert len(commands) == 5, title


needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


def analyze(*arguments: str) -> tuple[int, str]:
    """The exit code of systemd-analyze, and all that it says."""
    command = ["systemd-analyze", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr + done.stdout


def installed(folder: Path) -> list[str]:
    """The units as they would be on a machine that has the program; an instance of each template.
    Systemd looks whether the program is there."""
    program = folder / "katana-woo-sync"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (*SERVICES, *TIMERS):
        (folder / path.name).write_text(path.read_text().replace(PROGRAM, str(program)))
    return [str(folder / path.name.replace("@", "@acme")) for path in (*SERVICES, *TIMERS)]


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    assert analyze("verify", "--man=no", *installed(tmp_path)) == (0, "")


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units_that_have_credentials(tmp_path: Path) -> None:
    names = installed(tmp_path)
    for name in ("katana-woo-sync", "katana-woo-sync-run", "katana-woo-sync@acme"):
        drop_in = tmp_path / f"{name}.service.d" / "credentials.conf"
        drop_in.parent.mkdir()
        drop_in.write_text((CRON / "credentials.conf").read_text())
    assert analyze("verify", "--man=no", *names) == (0, "")


@needs_systemd
def test_systemd_would_find_what_is_wrong(tmp_path: Path) -> None:
    names = installed(tmp_path)
    service = tmp_path / "katana-woo-sync.service"
    service.write_text(service.read_text().replace("ProtectHome", "ProtectHose"))
    assert "ProtectHose" in analyze("verify", "--man=no", *names)[1]


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_systemd_calls_the_exposure_ok(path: Path) -> None:
    # in tenths: below 2.0 is what it calls OK
    code, said = analyze("security", "--offline=true", "--threshold=19", "--no-pager", str(path))
    assert code == 0, said
    assert "OK" in said.strip().splitlines()[-1]


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not installed")
def test_logrotate_understands_its_file(tmp_path: Path) -> None:
    # Without the user, who is made when the program is installed.
    sample = re.sub(
        r"^    (su|create).*\n", "", (CRON / "logrotate").read_text(), flags=re.MULTILINE
    )
    file = tmp_path / "logrotate"
    file.write_text(sample.replace("/var/log/katana-woo-sync", str(tmp_path)))
    file.chmod(0o644)
    done = subprocess.run(
        [str(shutil.which("logrotate")), "-d", "-s", str(tmp_path / "state"), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "error" not in done.stderr
