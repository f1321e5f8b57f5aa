"""What a translation lacks: advice, for what is missing is sent in the course's own language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drip.course.index import items
from drip.course.lesson import Said
from drip.course.positions import Path, Source, Table, at
from drip.course.steps import AnyStep, If, Survey, Tip
from drip.course.translate import key_of
from drip.course.translation import TranslatedSaid, TranslatedSurvey, TranslatedTip, Translation, survey_key
from drip.errors import Mistake

#: The texts of a tip or of a variant → their own parts that are texts ("": the whole is one).
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "subject": ("",), "preheader": ("",), "body": ("",), "button": ("text",), "image": ("alt",), "clip": ("alt",),
    "source": ("",),
}  # fmt: skip


def lacking(source: Source, tree: Table, steps: tuple[AnyStep, ...], said: Translation) -> Iterator[Mistake]:
    """Advice, a row a step: what a translation lacks, at its own place of the step, or else at the course's."""
    language = said.language
    theirs = {key_of(item): item for item in items(said.tree.get("steps")) if isinstance(item, Table)}
    if said.title is None:
        message = f"the title is not translated into {language}"
        yield said.source.mistake((0, 0), "missing-translation", message, "write title: …", "warning")
    for path, step in _mailed(("steps",), steps):
        if isinstance(step, Tip):
            kind, key, name, missing = "tip", step.tip, f'tip "{step.tip}"', _of_tip(step, said.tips.get(step.tip))
        else:
            key = survey_key(step.survey, step.id)
            kind, name = "survey", f'survey "{step.id or step.survey}"'
            missing = _of_survey(step, said.surveys.get(key))
        if key not in theirs:
            message = f"{name} is not translated into {language}"
            hint = f"until it stands in {said.source.file}, it is sent in the course's language"
            yield source.mistake(at(tree, (*path, kind)).span, "missing-translation", message, hint, "warning")
        elif missing:
            message = f"{name} lacks in {language}: {', '.join(missing)}"
            hint = "until then, these are sent in the course's language"
            yield said.source.mistake(theirs[key][kind].span, "missing-translation", message, hint, "warning")


def _mailed(path: Path, steps: tuple[AnyStep, ...]) -> Iterator[tuple[Path, Tip | Survey]]:
    """Every step that is a mail, in reading order, with its path."""
    for index, step in enumerate(steps):
        if isinstance(step, Tip | Survey):
            yield (*path, index), step
        elif isinstance(step, If):
            yield from _mailed((*path, index, "then"), step.then)
            yield from _mailed((*path, index, "else"), step.otherwise)


def _of_tip(tip: Tip, said: TranslatedTip | None) -> list[str]:
    """The texts of a tip that its translation lacks."""
    if said is None:
        return []
    missing = ["objective"] if tip.objective and not said.objective else []
    missing += _of_said(tip, said)
    variants = {variant.name: variant for variant in said.variants}
    for variant in tip.variants:
        missing += [f"{what} of {variant.name}" for what in _of_said(variant, variants.get(variant.name))]
    if tip.question is None:
        return missing
    if said.question is None:
        return [*missing, "the question"]
    missing += ["question.ask"] if said.question.ask is None else []
    if not said.question.options:
        return [*missing, "question.options"]
    for number, (option, other) in enumerate(zip(tip.question.options, said.question.options, strict=True), start=1):
        if option.because is not None and other.because is None:
            missing.append(f"because of option {number}")
    return missing


def _of_said(said: Said, other: TranslatedSaid | None) -> list[str]:
    missing = []
    for key, parts in _TEXTS.items():
        theirs, ours = getattr(said, key), getattr(other, key, None)
        for part in parts if theirs is not None else ():
            if ours is None or (part and getattr(ours, part) is None):
                missing.append(f"{key}.{part}" if part else key)
    return missing


def _of_survey(survey: Survey, said: TranslatedSurvey | None) -> list[str]:
    if said is None:
        return []
    return [key for key in ("ask", "subject", "preheader", "body") if getattr(survey, key) and not getattr(said, key)]
