"""cron/container and cron/kubernetes: right by the schemas of Compose and Kubernetes, with configs
that load. `.ci/container` builds the image and runs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from katana_woo_sync import __version__
from katana_woo_sync.cli.main import COMMANDS
from katana_woo_sync.config.load import load

CRON = Path(__file__).resolve().parents[1] / "cron"
KUBERNETES = CRON / "kubernetes"
OF_KUSTOMIZE = {"kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1alpha1"}
VERSIONS = ("1.29", "1.37")
KEYS = {"katana_api_key": "key", "woo_consumer_key": "ck_x", "woo_consumer_secret": "cs_x"}

Resource = dict[str, Any]


def resources(text: str) -> list[Resource]:
    return [each for each in yaml.safe_load_all(text) if each["apiVersion"] not in OF_KUSTOMIZE]


def complaints(found: list[Resource], version: str) -> list[str]:
    said = []
    for each in found:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            said.append(f"{each['kind']}: {error.message}")
    return said


def kustomized(folder: Path) -> list[Resource]:
    """What kubectl makes of a folder."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", str(folder)]
    return resources(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def accounts(folder: Path, *names: str) -> Path:
    """The overlay of these accounts, made from their list; each with Litestream."""
    shutil.copytree(KUBERNETES, folder, dirs_exist_ok=True)
    overlay = folder / "accounts"
    (overlay / "accounts.txt").write_text("\n".join(names) + "\n")
    subprocess.run([overlay / "make"], check=True)
    for each in overlay.glob("*/kustomization.yaml"):
        each.write_text(each.read_text().replace("# components", "components"))
    return overlay


def pod_of(job: Resource) -> Resource:
    pod: Resource = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def test_compose_finds_nothing_wrong() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    file = str(CRON / "container" / "compose.yaml")
    done = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_container_is_given_what_its_config_names(tmp_path: Path) -> None:
    compose = yaml.safe_load((CRON / "container" / "compose.yaml").read_text())
    text = (CRON / "container" / "config.toml").read_text()
    for secret in compose["services"]["katana-woo-sync"]["secrets"]:
        (tmp_path / secret).write_text(KEYS[secret])
        assert text.count(f"/run/secrets/{secret}") == 1
    config = tmp_path / "config.toml"
    config.write_text(text.replace("/run/secrets", str(tmp_path)))
    assert str(load(config, {}).ledger) == "/data/katana-woo-sync.db"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted(KUBERNETES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_kubernetes_finds_nothing_wrong(path: Path, version: str) -> None:
    if path.name != "sidecar.yaml":  # a patch: whole only where it is applied, below
        assert complaints(resources(path.read_text()), version) == []


def test_kubernetes_would_find_what_is_wrong() -> None:
    text = (KUBERNETES / "base" / "cronjob.yaml").read_text()
    (said,) = complaints(resources(text.replace("backoffLimit", "backofLimit")), VERSIONS[0])
    assert "backofLimit" in said


def test_an_account_is_complete_and_of_this_version() -> None:
    made = kustomized(KUBERNETES / "base")
    assert all(complaints(made, version) == [] for version in VERSIONS)
    kinds = {"Namespace", "CronJob", "PersistentVolumeClaim", "ConfigMap", "NetworkPolicy"}
    assert {each["kind"] for each in made} == kinds
    assert f"/katana-woo-sync:{__version__}'" in str(made)


def test_one_cycle_at_a_time_is_started_and_what_is_mounted_is_there(tmp_path: Path) -> None:
    for folder in (KUBERNETES / "base", accounts(tmp_path, "acme")):
        (job,) = [each for each in kustomized(folder) if each["kind"] == "CronJob"]
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        pod = pod_of(job)
        (container,) = pod["containers"]
        assert container["args"][0] in COMMANDS
        everything = (container, *pod.get("initContainers", ()))
        mounted = {each["name"] for one in everything for each in one["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_as_many_accounts_as_the_list_has_each_in_its_own_namespace(tmp_path: Path) -> None:
    overlay = accounts(tmp_path, *(f"a{number}" for number in range(7)))
    made = kustomized(overlay)
    of_one = [each for each in made if "-a0'" in str(each["metadata"])]
    assert len(of_one) > 4
    assert all(complaints(of_one, version) == [] for version in VERSIONS)
    jobs = [each for each in made if each["kind"] == "CronJob"]
    spaces = {each["metadata"]["namespace"] for each in jobs}
    assert spaces == {f"katana-woo-sync-a{number}" for number in range(7)}
    assert spaces == {each["metadata"]["name"] for each in made if each["kind"] == "Namespace"}
    assert len({each["spec"]["schedule"] for each in jobs}) == 5
    assert str(jobs).count("'restartPolicy': 'Always'") == 7  # each has its Litestream


def test_the_list_can_grow_without_touching_what_was_changed(tmp_path: Path) -> None:
    overlay = accounts(tmp_path, "acme")
    config = overlay / "acme" / "config.toml"
    config.write_text("changed")
    accounts(tmp_path, "acme", "globex")
    assert config.read_text() == "changed"
    assert (overlay / "globex" / "config.toml").exists()


def test_the_pods_config_loads_with_the_keys_of_the_secret() -> None:
    environ = {name.upper(): key for name, key in KEYS.items()}
    settings = load(KUBERNETES / "base" / "config.toml", environ)
    assert str(settings.ledger) == "/data/katana-woo-sync.db"


def started(folder: Path, program: str) -> subprocess.Popen[str]:
    """The Pod's command with a program of the test's own in the program's place."""
    file = folder / "katana-woo-sync"
    file.write_text(f"#!/bin/sh\n{program}\n")
    file.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    (job,) = resources((KUBERNETES / "base" / "cronjob.yaml").read_text())
    (container,) = pod_of(job)["containers"]
    command = [*container["command"], *container["args"]]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE)


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (1, 0), (75, 0), (2, 2)])
def test_only_a_wrong_config_is_a_failed_job(tmp_path: Path, code: int, seen: int) -> None:
    with started(tmp_path, f'[ "$*" = sync ] && exit {code}') as pod:
        assert pod.wait(20) == seen


def test_a_pod_that_is_deleted_finishes_its_step(tmp_path: Path) -> None:
    program = "trap 'echo finished; exit 1' TERM; echo begun; while :; do sleep 0.05; done"
    with started(tmp_path, program) as pod:
        assert pod.stdout
        assert pod.stdout.readline() == "begun\n"
        pod.send_signal(signal.SIGTERM)
        assert (pod.communicate(timeout=20)[0], pod.returncode) == ("finished\n", 0)
