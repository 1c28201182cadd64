"""Compiles schemas/native.c while the package is built, where there is a C compiler; without one everything runs in Python."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension


class CompiledDecoder(BuildHookInterface):
    """Leaves the compiled module beside its source, where `pip install -e` finds it, and puts it into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        flags = [] if sys.platform == "win32" else ["-O3"]
        module = Extension("schemas.native", ["schemas/native.c"], extra_compile_args=flags, optional=True)
        build = Distribution({"name": "touchstone", "ext_modules": [module]}).get_command_obj("build_ext")
        made = Path(self.root, build.get_ext_filename("schemas.native"))
        made.unlink(missing_ok=True)
        with TemporaryDirectory() as folder:
            build.inplace, build.build_temp, build.build_lib = True, folder, folder
            build.ensure_finalized()
            build.run()
        if made.exists():
            build_data["artifacts"].append(str(made.relative_to(self.root)))
            build_data["infer_tag"], build_data["pure_python"] = True, False
        else:
            self.app.display_warning("schemas/native.c is not compiled: messages are read in Python, which is slower")
