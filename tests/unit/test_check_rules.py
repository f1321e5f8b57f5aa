"""Each rule of the check finds its flaw and nothing else, and is silent where the flaw is mended."""

from __future__ import annotations

import pytest
from rule_samples import BASE, Sample, advice_on, found_in, samples

from drip.check import RULES

SAMPLES = samples()


def test_a_good_course_in_a_good_layout_is_left_in_peace() -> None:
    """Nothing is found in what every pair begins from."""
    assert [str(mistake) for mistake in advice_on(BASE["course"])] == []


def test_every_rule_has_its_pair() -> None:
    """A rule without a failing and a passing sample is not proven; a pair without a rule proves nothing."""
    assert sorted(SAMPLES) == sorted(rule.id for rule in RULES)
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_rule_finds_its_flaw(sample: Sample) -> None:
    """The failing version has a finding of the rule, with its place, its weight, why, and what to write instead."""
    rule = next(rule for rule in RULES if rule.id == sample.rule)
    found = [mistake for mistake in found_in(sample, sample.fails) if mistake.rule == sample.rule]
    assert found
    for mistake in found:
        assert mistake.severity == rule.severity
        assert mistake.file in ("campaigns/sample.yaml", "campaigns/sample.sv.yaml", "templates/tip.mjml")
        assert mistake.line >= 1
        why, instead = mistake.hint.splitlines()
        assert why == rule.why
        assert instead


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_rule_is_silent_where_its_flaw_is_mended(sample: Sample) -> None:
    """The passing version, which differs in the flaw only, has no finding of the rule."""
    assert sample.passes != sample.fails
    assert [str(one) for one in found_in(sample, sample.passes) if one.rule == sample.rule] == []


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_flaw_is_told_of_once(sample: Sample) -> None:
    """The failing version has findings that the passing one has not of its own rule only."""
    brought = {
        "image-only": {"no-question", "too-short"},  # a mail of hardly any words
        "no-questions": {"too-short"},  # a question is read too
        "no-question": {"too-short"},
        "unknown-rule": {"open-gates"},  # a comment that is wrong ignores nothing
        "no-reason": {"open-gates"},
    }
    before = {mistake.rule for mistake in found_in(sample, sample.passes)}
    after = {mistake.rule for mistake in found_in(sample, sample.fails)}
    assert after - before - {sample.rule} <= brought.get(sample.rule, set())
