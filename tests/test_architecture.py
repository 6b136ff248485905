"""The shape of the code: who may import whom, what stays out of the pure parts, and how long a file is.

``problems`` reads the sources without running them; the last test feeds it a bad tree.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_LINES = 400

# Who may import whom.  The longest name that a module's own name begins with is its row; a row may always
# import itself.  `ca_server` and `router_emu` meet on the wire alone, and `sceplab`, the lab itself, knows
# neither: it starts them as programs.
_VALUES = {"router_emu.dates", "router_emu.syslog", "router_emu.texts"}
_CONFIG = {"router_emu.syntax", *_VALUES}
_COMMANDS = {"router_emu.config", "router_emu.pki", "scep_core", *_CONFIG}
_CLI = {"router_emu.commands", *_COMMANDS}
_ADAPTERS = {"router_emu.cli", "sceplab", *_CLI}
_DIRECTORY = {"ldap_mock", "scep_core", "sceplab"}
_SOURCE = {"ldap_mock.kept", "ldap_mock.published", "ldap_mock.server", *_DIRECTORY}
_RUN = {"ldap_mock.faults", "ldap_mock.source", *_SOURCE}
MAY_IMPORT: Mapping[str, set[str]] = {
    "scep_core": set(),
    "sceplab": set(),
    "ca_server.domain": {"scep_core"},
    "ca_server": {"ca_server.domain", "scep_core", "sceplab"},
    "bundles.domain": {"scep_core"},
    "bundles": {"bundles.domain", "scep_core", "sceplab"},
    "ldap_mock": set(),
    "ldap_mock.published": {"ldap_mock", "scep_core"},
    "ldap_mock.connection": {"ldap_mock"},
    "ldap_mock.server": {"ldap_mock.connection", *_DIRECTORY},
    "ldap_mock.kept": {"ldap_mock.published", *_DIRECTORY},
    "ldap_mock.asking": {"ldap_mock.kept", "ldap_mock.published", *_DIRECTORY},
    "ldap_mock.source": {"ldap_mock.asking", *_SOURCE},
    "ldap_mock.faults": {"ldap_mock.asking", "ldap_mock.source", *_SOURCE},
    "ldap_mock.app": _RUN,
    "ldap_mock.__main__": {"ldap_mock.app", "ldap_mock.asking", *_RUN},
    "router_emu.dates": set(),
    "router_emu.texts": set(),
    "router_emu.syslog": {"router_emu.dates"},
    "router_emu.syntax": set(),
    "router_emu.config": _CONFIG,
    "router_emu.pki": {"scep_core", *_VALUES},
    "router_emu.commands": _COMMANDS,
    "router_emu.cli": _CLI,
    "router_emu.adapters": _ADAPTERS,
    "router_emu.__main__": {"router_emu.adapters", *_ADAPTERS},
}

# The rows that touch the world.  All others take `now` and randomness as arguments, and move no bytes.
EDGES = {"sceplab", "ca_server", "bundles", "router_emu.adapters", "router_emu.__main__"}
EDGES |= {
    f"ldap_mock.{name}"
    for name in ("connection", "server", "kept", "asking", "source", "faults", "app", "__main__")
}
BANNED_MODULES = {
    *("asyncio", "asyncssh", "waitress", "click", "concurrent", "flask", "http", "io", "logging"),
    *("multiprocessing", "os", "pathlib", "queue", "random", "requests", "secrets", "select", "selectors"),
    *("shutil", "signal", "socket", "socketserver", "sqlalchemy", "sqlite3", "ssl", "structlog"),
    *("subprocess", "sys", "tempfile", "threading", "time", "urllib", "werkzeug"),
}
# urllib.parse reads a URL and touches nothing.
HARMLESS = {"urllib.parse"}
BANNED_CALLS = re.compile(r"open|print|input|(.*\.)?(datetime\.(now|utcnow|today)|date\.today)")


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name, its syntax tree, its number of lines."""

    name: str
    tree: ast.Module
    lines: int


def read_modules(root: Path, packages: set[str]) -> list[Module]:
    """Read every module of the packages under ``root``."""
    modules = []
    for path in sorted(path for package in packages for path in (root / package).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        words = path.relative_to(root).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" else words)
        modules.append(Module(name, ast.parse(source), len(source.splitlines())))
    return modules


def row_of(name: str, table: Mapping[str, set[str]]) -> str | None:
    """Return the table's row for a module, None when it has none."""
    rows = [row for row in table if name == row or name.startswith(f"{row}.")]
    return max(rows, key=len, default=None)


def imports(module: Module, known: set[str]) -> Iterator[str]:
    """Yield the dotted names that a module imports; ``from a import b`` is a.b when that is a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known | HARMLESS else node.module


def calls(module: Module) -> Iterator[str]:
    """Yield what a module calls, as it is written."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def problems(modules: list[Module], table: Mapping[str, set[str]], edges: set[str]) -> list[str]:
    """Return what is wrong with the modules, a sentence each."""
    known, found = {module.name for module in modules}, []
    packages = {row.partition(".")[0] for row in table}
    graph: dict[str, set[str]] = {}
    for module in modules:
        row = row_of(module.name, table)
        if row is None:
            if set(map(type, module.tree.body)) - {ast.Expr}:  # a package's docstring needs no row
                found.append(f"{module.name} has no row in the table")
            continue
        imported = set(imports(module, known))
        ours = {name for name in imported if name.partition(".")[0] in packages}
        graph[module.name] = ours & known - {module.name}
        for name in sorted(ours):
            if row_of(name, table) not in {row, *table[row]}:
                found.append(f"{module.name} must not import {name}")
        if module.lines > MAX_LINES:
            found.append(f"{module.name} has {module.lines} lines")
        if row not in edges:
            banned = {name for name in imported - HARMLESS if name.partition(".")[0] in BANNED_MODULES}
            found += [f"{module.name} is pure and must not import {name}" for name in sorted(banned)]
            found += [
                f"{module.name} is pure and must not call {name}"
                for name in calls(module)
                if BANNED_CALLS.fullmatch(name)
            ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("these import each other: " + " -> ".join(error.args[1]))
    return found


def test_the_code_has_the_shape_that_the_table_tells() -> None:
    packages = {row.partition(".")[0] for row in MAY_IMPORT}
    modules = read_modules(ROOT, packages)
    assert {module.name.partition(".")[0] for module in modules} == packages
    assert problems(modules, MAY_IMPORT, EDGES) == []


def test_no_test_file_is_longer_than_one_sitting() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py")
    }
    assert {str(path): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_the_table_itself_has_no_cycle() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()
    assert set().union(*MAY_IMPORT.values(), EDGES) <= set(MAY_IMPORT)


def test_the_two_ends_and_the_lab_do_not_know_each_other() -> None:
    """What the table must never be changed to allow."""
    for row, allowed in MAY_IMPORT.items():
        top = row.partition(".")[0]
        tops = {name.partition(".")[0] for name in allowed}
        assert not {"ca_server", "router_emu"} <= {top, *tops}
        assert top != "scep_core" or not tops
        assert top != "sceplab" or not tops


def test_a_bad_tree_is_found_out(tmp_path) -> None:
    sources = {
        "core/__init__.py": '"""The core."""',
        "core/values.py": "import os.path\nfrom urllib.parse import quote\nfrom core import clock\n",
        "core/clock.py": "import core.values\nimport datetime\nNOW = datetime.datetime.now()\nprint(NOW)\n",
        "edge/__init__.py": "",
        "edge/web.py": "import socket\nfrom core.values import quote\n" + "\n" * MAX_LINES,
        "edge/store/sql.py": "from edge import web\n",
        "other/main.py": "def f():\n    import edge.web\n",
        "other/extra/lost.py": "import core\n",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    table = {"core": set(), "edge": {"core"}, "edge.store": {"core"}, "other.main": {"core"}}
    modules = read_modules(tmp_path, {"core", "edge", "other"})
    assert problems(modules, table, edges={"edge", "edge.store", "other.main"}) == [
        "core.clock is pure and must not call datetime.datetime.now",
        "core.clock is pure and must not call print",
        "core.values is pure and must not import os.path",
        "edge.store.sql must not import edge.web",
        "edge.web has 402 lines",
        "other.extra.lost has no row in the table",
        "other.main must not import edge.web",
        "these import each other: core.clock -> core.values -> core.clock",
    ]
