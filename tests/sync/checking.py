"""Asking `check` about one thing at a time."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from katana_woo_sync.domain.checks import Finding, Result
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sync.checks.check import check, exit_code
from katana_woo_sync.sync.report import ExitCode
from tests.sync.world import World

OK, WARNING, ERROR = Result.OK, Result.WARNING, Result.ERROR
FOREVER = 1_000_000


def checked(world: World) -> list[Finding]:
    """Everything that `check` finds."""
    program = world.program(dry_run=True)
    return check(program.settings, program.katana, list(program.stores.values()), world.clock)


def found(world: World, where: str, tested: str) -> list[Finding]:
    """What is found about one thing."""
    return [f for f in checked(world) if (f.where, f.tested) == (where, tested)]


def one(world: World, where: str, tested: str) -> Finding:
    """The one finding about a thing."""
    (finding,) = found(world, where, tested)
    return finding


def result(world: World, where: str, tested: str) -> Result:
    """The result of one thing's test."""
    return one(world, where, tested).result


def code(world: World) -> ExitCode:
    """How the command would end."""
    return exit_code(checked(world), list(world.shops))


def with_headers(server: SandboxServer, **headers: str) -> None:
    """From now on the server's answers carry these headers."""
    handle = server._handle

    def answer(request: Request) -> Response:
        response = handle(request)
        response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return response

    server._handle = answer


def always(server: SandboxServer, body: str, status: int, content_type: str = "text/html") -> None:
    """From now on the server answers everything with this."""
    server.add_fault(
        Fault(FaultKind.STATUS, status=status, body=body, content_type=content_type, times=FOREVER)
    )


def keeps_answers(server: SandboxServer) -> None:
    """From now on a cache before the server answers, which takes no notice of the query."""
    handle = server._handle
    kept: dict[str, Response] = {}

    def answer(request: Request) -> Response:
        if request.method != "GET":
            return handle(request)
        response = kept.get(request.path) or handle(request)
        if response.status_code == 200:
            kept[request.path] = response
        return response

    server._handle = answer
