"""What helps: the entry of the pack's catalogue that fits a cause at a touchpoint best."""

from streams.experience.compiled import CompiledPack


def solution_of(
    pack: CompiledPack, cause: str | None, touchpoint: str | None, locale: str | None
) -> tuple[str, str] | None:
    """(name, text) of what fits. One that names cause and touchpoint goes before one that names the cause, that before one that
    names the touchpoint; ties by name.
    """
    fitting = [
        (-2 * bool(one.causes) - bool(one.touchpoints), name)
        for name, one in pack.file.solutions.items()
        if (not one.causes or cause in one.causes) and (not one.touchpoints or touchpoint in one.touchpoints)
    ]
    if not fitting:
        return None
    name = min(fitting)[1]
    texts = pack.file.solutions[name].text
    for candidate in (locale, (locale or "").partition("-")[0]):
        if candidate in texts:
            return name, texts[str(candidate)]
    return name, texts[pack.file.default_locale]
