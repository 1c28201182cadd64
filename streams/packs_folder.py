"""The packs that this process has: the files of streams/packs and of TOUCHSTONE_CORE_PACKS."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from streams.errors import ExitCode, UserError
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.pack_inherit import Inherited, Source, inherit
from streams.experience.place import PlacedError
from streams.settings import Settings

BUILT_IN: Final = Path(__file__).parent / "packs"


def read_pack(path: Path, settings: Settings | None = None) -> CompiledPack:
    """A pack from its file and those of its parents. Raises UserError with every error and its line."""
    try:
        return compile_pack(_text(path), str(path), _Parents(path, settings))
    except PackErrors as error:
        raise _refused(error.errors) from None


def read_merged(path: Path, settings: Settings | None = None) -> Inherited:
    """A pack as it is merged, with where each value stands. Raises UserError."""
    try:
        return inherit(Source(_text(path), str(path)), _Parents(path, settings))
    except PlacedError as error:
        raise _refused([str(error)]) from None


class _Parents:
    """Finds the parents of a pack: beside it, in TOUCHSTONE_CORE_PACKS, among the built-in packs."""

    def __init__(self, path: Path, settings: Settings | None) -> None:
        self._beside = path.parent
        self._installed = settings.core_packs if settings is not None else None

    def __call__(self, name: str, read: tuple[str, ...]) -> Source | None:
        for folder in (self._beside, self._installed, BUILT_IN):
            path = folder / f"{name}.yaml" if folder is not None else None
            if path is not None and path.is_file() and not any(path.samefile(one) for one in read):
                return Source(_text(path), str(path))
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", "name a pack's YAML file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error.reason} at byte {error.start}", "save it as UTF-8") from None


def _refused(errors: list[str]) -> UserError:
    return UserError(
        "\n".join(errors), f"{len(errors)} error(s); docs/packs.md says what a pack holds", exit_code=ExitCode.NO
    )


def files(settings: Settings) -> list[Path]:
    """The pack files, the built-in ones first."""
    folders = [BUILT_IN, *([settings.core_packs] if settings.core_packs is not None else [])]
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"TOUCHSTONE_CORE_PACKS: {folder} is no folder", "name the folder that holds your packs")
        found += sorted(folder.glob("*.yaml"))
    return [path for path in found if "." not in path.stem]  # mine.rounds.yaml stands beside mine.yaml


def shelf(settings: Settings, more: Iterable[CompiledPack] = ()) -> Shelf:
    """All packs of this process."""
    return Shelf((*(read_pack(path, settings) for path in files(settings)), *more))


def audiences_of(packs: Shelf) -> list[str]:
    """The audiences of these packs: each has a notification topic."""
    return sorted({audience for pack in packs.packs() for audience in pack.file.audiences})


def find_file(name: str, settings: Settings) -> Path:
    """A pack's file by the pack's name, or by the file itself. Raises UserError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path
    for candidate in reversed(files(settings)):
        if candidate.stem == name:
            return candidate
    known = ", ".join(path.stem for path in files(settings))
    raise UserError(f"no pack {name!r}", f"known: {known}; or name a file: ./{name}.yaml")


def find(name: str, settings: Settings) -> CompiledPack:
    """A pack by its name or its file. Raises UserError."""
    return read_pack(find_file(name, settings), settings)


def audiences(settings: Settings) -> list[str]:
    """Those of all packs of this process."""
    return audiences_of(shelf(settings))
