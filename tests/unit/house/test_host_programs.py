"""The suite and twinlab start no program on the host but those of the list (tests/hostprograms.py)."""

from __future__ import annotations

import ast
import os
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from hostprograms import OWN_SCRIPTS, PROGRAMS, link

ROOT = Path(__file__).parents[3]
IN_CONTAINERS = (
    "scripts/twinlab/inside",  # mounted in the lab's clients
    "tests/netns",  # but what brings it there is the host's
    "tests/render/discover.py",  # mounted in a container of the sidecar's image
    "tests/standin/installer", "tests/standin/packages",  # copied into the stand-in's images
)  # fmt: skip
ON_THE_HOST = ("tests/netns/conftest.py",)

# How a program is started: function -> where among its arguments the program stands.
BY_ARGUMENTS = {
    **{f"subprocess.{name}": 0 for name in ("run", "Popen", "call", "check_call", "check_output")},
    **{f"os.exec{name}": 0 for name in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
    **{f"os.spawn{name}": 1 for name in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
    **{f"os.{name}": 0 for name in ("posix_spawn", "posix_spawnp")},
    **{f"asyncio.{name}create_subprocess_exec": 0 for name in ("", "subprocess.")},
    "pty.spawn": 0,
}
BY_SHELL = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
            "asyncio.create_subprocess_shell", "asyncio.subprocess.create_subprocess_shell"}
STARTERS = re.compile(r"\b(subprocess|os|asyncio|pty)\b")
UNKNOWN = "what the source alone does not tell"


class Starts(ast.NodeVisitor):
    """Every start of a program in one source: the line, and the program or why it is not known."""

    def __init__(self, source: str) -> None:
        self.found: list[tuple[int, str]] = []
        self._names: dict[str, str] = {}
        self._scopes: list[dict[str, list[ast.expr]]] = []
        self._calls: set[ast.expr] = set()
        if STARTERS.search(source):
            self.visit(ast.parse(source))

    def visit_Module(self, node: ast.Module) -> None:
        self._scope(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._scope(node)

    def _scope(self, node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        values: dict[str, list[ast.expr]] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    if isinstance(target, ast.Name):
                        values.setdefault(target.id, []).append(inner.value)
            elif isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name) and inner.value:
                values.setdefault(inner.target.id, []).append(inner.value)
            elif isinstance(inner, ast.Import):
                self._names |= {one.asname: one.name for one in inner.names if one.asname}
            elif isinstance(inner, ast.ImportFrom):
                self._names |= {one.asname or one.name: f"{inner.module}.{one.name}" for one in inner.names}
        self._scopes.append(values)
        self.generic_visit(node)
        self._scopes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        called = self._dotted(node.func)
        self._calls.add(node.func)
        if called in BY_SHELL or (called in BY_ARGUMENTS and self._shell(node)):
            self.found.append((node.lineno, "a shell's words"))
        elif called in BY_ARGUMENTS:
            named = [one.value for one in node.keywords if one.arg in ("args", "path", "file", "program")]
            words = [*node.args, *named][BY_ARGUMENTS[called]:]
            self.found.append((node.lineno, self._program(words[0]) if words else UNKNOWN))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._handed_on(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._handed_on(node)

    def _handed_on(self, node: ast.Attribute | ast.Name) -> None:
        """What starts programs is not called here, but given to something else (Popen is a type, too)."""
        starts = self._dotted(node) in BY_SHELL | BY_ARGUMENTS.keys() - {"subprocess.Popen"}
        if starts and node not in self._calls:
            self.found.append((node.lineno, UNKNOWN))
        self.generic_visit(node)

    @staticmethod
    def _shell(node: ast.Call) -> bool:
        values = [one.value for one in node.keywords if one.arg == "shell"]
        return any(not (isinstance(value, ast.Constant) and value.value is False) for value in values)

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        return f"{self._dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""

    def _program(self, node: ast.expr) -> str:
        """The first word of a command, or a program by its name or path."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Tuple(elts=[first, *_]) | ast.List(elts=[first, *_]):
                return self._program(first)
            case ast.Starred(value=inner) | ast.Call(func=ast.Name(id="str"), args=[inner]):
                return self._program(inner)
            case ast.BinOp(left=left, op=ast.Add()):
                return self._program(left)
            case ast.BinOp(left=ast.Name(id="ROOT"), op=ast.Div(), right=right):
                return self._program(right)
            case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
                return "python3"
            case ast.Name(id=name):
                values = next((scope[name] for scope in reversed(self._scopes) if name in scope), [])
                found = {self._program(value) for value in values if value is not node}
                return found.pop() if len(found) == 1 else UNKNOWN
        return UNKNOWN


@cache
def starts(source: str) -> list[tuple[int, str]]:
    return Starts(source).found


def others(source: str) -> list[str]:
    """What a source starts on the host that is not of the list."""
    return [f"line {line}: {program}" for line, program in starts(source)
            if program not in PROGRAMS | OWN_SCRIPTS]


def sources() -> list[str]:
    paths = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "scripts/twinlab").rglob("*.py")]
    names = sorted(str(path.relative_to(ROOT)) for path in paths)
    inside = tuple(f"{one}/" for one in IN_CONTAINERS) + IN_CONTAINERS
    return [name for name in names if name in ON_THE_HOST or not name.startswith(inside)]


@pytest.mark.parametrize("name", sources())
def test_no_other_program_is_started_on_the_host(name: str) -> None:
    assert others((ROOT / name).read_text()) == []


@pytest.mark.parametrize("source", [
    "import subprocess\nsubprocess.run(['nft', 'list', 'ruleset'])",
    "import subprocess\nsubprocess.run(('/usr/sbin/ip', 'addr'), check=True)",
    "import subprocess\nsubprocess.Popen(args=['tcpdump'])",
    "import subprocess as sp\nsp.check_output('ss')",
    "from subprocess import run as go\ngo(['unshare', '--net', 'true'])",
    "import subprocess\nsubprocess.run('docker ps | jq .', shell=True)",
    "import subprocess\nsubprocess.run(['docker'], shell=bool(1))",
    "import subprocess\nword = ['nsenter', '-n']\nsubprocess.run([*word, 'true'])",
    "import subprocess\ndef f(at):\n    c = ('docker',)\n    c = ('rsync',)\n    subprocess.run(c + at)",
    "import subprocess\ndef f(*command):\n    subprocess.run(command)",
    "import subprocess\ndef f():\n    subprocess.run(g())",
    "import subprocess\nsubprocess.run([ROOT / 'tests/other.sh'])",
    "import os\nos.execvp('qemu-system-x86_64', [])",
    "import os\nos.spawnlp(os.P_WAIT, 'iptables', 'iptables')",
    "from os import system\nsystem('docker ps')",
    "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('curl', 'x')",
    "class A:\n    def f(self):\n        import os\n        [os.posix_spawn('/sbin/modprobe') for _ in 'a']",
    "import subprocess\nfrom functools import partial\nip = partial(subprocess.run, ('ip',))",
    "from os import execvp\nhow = {'exec': execvp}",
])  # fmt: skip
def test_another_program_is_found(source: str) -> None:
    assert len(others(source)) == 1


@pytest.mark.parametrize("source", [
    "import subprocess\nsubprocess.run(['docker', 'run', 'nft'])",
    "import subprocess, sys\nask = (sys.executable, '-c', 'pass')\nsubprocess.run(ask, shell=False)",
    "import subprocess\nROOT = 1\nsubprocess.run([str(ROOT / 'tests/standin/build.sh')])",
    "import subprocess\ndef f(*args):\n    command = ('docker', *args)\n    return subprocess.Popen(command)",
])  # fmt: skip
def test_what_is_of_the_list_passes(source: str) -> None:
    assert Starts(source).found
    assert others(source) == []


def test_the_sources_were_walked() -> None:
    assert {"scripts/twinlab/host/engine.py", "tests/conftest.py", "tests/netns/conftest.py"} <= set(
        sources()
    )
    assert all((ROOT / one).exists() for one in (*IN_CONTAINERS, *ON_THE_HOST, *OWN_SCRIPTS))
    assert sum(len(starts((ROOT / name).read_text())) for name in sources()) > 20


def test_a_run_of_this_suite_finds_no_other_program() -> None:
    (folder,) = os.get_exec_path()
    found = set(os.listdir(folder))
    assert {"python3", "sh"} <= found
    assert {name for name in found if not name.startswith("docker-")} <= PROGRAMS
    assert shutil.which("unshare") is None, "every Debian has it, and still it is not of the list"


def test_what_is_installed_beside_is_left_out(tmp_path: Path) -> None:
    for name in ("docker", "docker-credential-pass", "nft", "git"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "git").chmod(0o644)
    (tmp_path / "links").mkdir()
    link(tmp_path / "links", [str(tmp_path), str(tmp_path / "nowhere"), str(tmp_path)])
    assert sorted(os.listdir(tmp_path / "links")) == ["docker", "docker-credential-pass"]
