"""The packs that this process has: the files of streams/packs and of TOUCHSTONE_CORE_PACKS."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from streams.errors import ExitCode, UserError
from streams.experience.compiled import CompiledPack, PackErrors, compile_pack
from streams.experience.controls import Shelf
from streams.settings import Settings

BUILT_IN: Final = Path(__file__).parent / "packs"


def read_pack(path: Path) -> CompiledPack:
    """A pack from its file. Raises UserError with every error and its line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", "name a pack's YAML file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error.reason} at byte {error.start}", "save it as UTF-8") from None
    try:
        return compile_pack(text, str(path))
    except PackErrors as error:
        raise UserError(
            str(error), f"{len(error.errors)} error(s); docs/packs.md says what a pack holds", exit_code=ExitCode.NO
        ) from None


def files(settings: Settings) -> list[Path]:
    """The pack files, the built-in ones first."""
    folders = [BUILT_IN, *([settings.core_packs] if settings.core_packs is not None else [])]
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"TOUCHSTONE_CORE_PACKS: {folder} is no folder", "name the folder that holds your packs")
        found += sorted(folder.glob("*.yaml"))
    return found


def shelf(settings: Settings, more: Iterable[CompiledPack] = ()) -> Shelf:
    """All packs of this process."""
    return Shelf((*(read_pack(path) for path in files(settings)), *more))


def audiences_of(packs: Shelf) -> list[str]:
    """The audiences of these packs: each has a notification topic."""
    return sorted({audience for pack in packs.packs() for audience in pack.file.audiences})


def find(name: str, settings: Settings) -> CompiledPack:
    """A pack by its name or its file. Raises UserError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_pack(path)
    for candidate in reversed(files(settings)):
        if candidate.stem == name:
            return read_pack(candidate)
    known = ", ".join(path.stem for path in files(settings))
    raise UserError(f"no pack {name!r}", f"known: {known}; or name a file: ./{name}.yaml")


def audiences(settings: Settings) -> list[str]:
    """Those of all packs of this process."""
    return audiences_of(shelf(settings))
