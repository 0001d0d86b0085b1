"""Templates: where they are, and how they are filled.

Owns Jinja's settings and turns its errors into faults with the template's path and line.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from ..site.faults import MISSING, Fault, SiteError

_IMAGE_DIR = Path("/usr/share/twinboot/templates")
_CHECKOUT_DIR = Path(__file__).resolve().parent / "../../../../config/templates"
_FAULTS = (
    jinja2.TemplateError, UnicodeDecodeError, TypeError, ValueError, ArithmeticError, RecursionError,
)  # fmt: skip


def template_dirs(config_dir: Path | None = None) -> tuple[Path, ...]:
    """Where templates are looked for: the operator's own first, then those that come with Twinboot."""
    own = (config_dir / "templates",) if config_dir else ()
    named = os.environ.get("TWINBOOT_TEMPLATES")
    shipped = Path(named) if named else _IMAGE_DIR if _IMAGE_DIR.is_dir() else _CHECKOUT_DIR.resolve()
    return (*own, shipped)


class _Compiled(jinja2.BytecodeCache):
    """What Jinja made of each template in this process: an agent looks at the same ones again and again."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._code.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.checksum, bucket.code


_COMPILED = _Compiled()


class Templates:
    """Templates, each looked up once."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._folders = [str(directory) for directory in directories]
        self._found: dict[str, jinja2.Template] = {}
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._folders),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            auto_reload=False,
            bytecode_cache=_COMPILED,
        )

    def fill(self, template: str, **values: Any) -> str:
        """The text of a template; raises SiteError when it is missing, wrong, or names an unknown value."""
        try:  # no context manager: thousands of files
            return self._template(template).render(values)
        except _FAULTS as exc:
            raise SiteError([self._fault(template, exc)]) from exc

    def compile(self, template: str) -> None:
        """Raises SiteError when a template is missing or its syntax is wrong."""
        try:
            self._template(template)
        except _FAULTS as exc:
            raise SiteError([self._fault(template, exc)]) from exc

    def _template(self, name: str) -> jinja2.Template:
        """Jinja's own cache asks the loader each time, and a template's globals are a ChainMap, which every
        filling copies, slowly."""
        if name not in self._found:
            found = self._env.get_template(name)
            found.globals = dict(found.globals)
            self._found[name] = found
        return self._found[name]

    def _fault(self, template: str, exc: Exception) -> Fault:
        path = f"templates/{template}"
        match exc:
            case jinja2.TemplateNotFound():
                return Fault(path, MISSING, f"no template {exc.name}; write it, or name one that is there")
            case jinja2.TemplateSyntaxError():
                where = f"templates/{exc.name or template}:{exc.lineno}"
                lines = (exc.source or "").splitlines()
                shown = lines[exc.lineno - 1].strip() if 0 < exc.lineno <= len(lines) else ""
                return Fault(where, shown, f"not a template: {exc.message}")
            case jinja2.UndefinedError():
                remedy = "is not declared; write it below `vars` of the site, the profile or the host"
                return Fault(self._where(template, exc), str(exc), remedy)
            case RecursionError():
                return Fault(path, "", "includes itself, or a template that includes it")
            case _:
                return Fault(self._where(template, exc), "", f"cannot be filled: {exc}")

    def _where(self, template: str, exc: Exception) -> str:
        """The template, or the one that it includes, and the line where filling it failed."""
        found = f"templates/{template}"
        for frame, line in traceback.walk_tb(exc.__traceback__):
            for folder in self._folders:
                if frame.f_code.co_filename.startswith(f"{folder}/"):
                    found = f"templates/{frame.f_code.co_filename[len(folder) + 1:]}:{line}"
        return found
