"""Rotation: a new key signs, old ones go on working, a removed one does not; a retired one lets people leave."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from terminal import Terminal

from drip import wiring
from drip.errors import Refused, SettingsError, TokenError
from drip.settings import load
from drip.settings.secret_file import dated, named, put_first
from drip.track.token import Purpose, Ring, sign, verify

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OLD, NEWER = "the first secret of a long time ago", "the second secret that came after it"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()


def folder_with(folder: Path, text: str) -> Path:
    (folder / "drip.local.toml").write_text(text, "utf-8")
    return folder / "drip.local.toml"


def test_links_of_old_mails_work_after_a_rotation(here: Terminal) -> None:
    """Every purpose: what was signed before is verified after, and what is signed after is signed with the new key."""
    before = wiring.ring(load(here.folder, {}))
    links = {purpose: sign(before, purpose, 7, 1) for purpose in Purpose if purpose is not Purpose.BOUNCE}
    said = here.json("keys", "rotate")
    after = wiring.ring(load(here.folder, {}))
    for purpose, token in links.items():
        assert verify(after, token, purpose, now=NOW).delivery_id == 7
    with pytest.raises(TokenError):
        verify(before, sign(after, Purpose.CLICK, 7), Purpose.CLICK, now=NOW)
    listed = here.json("keys", "list")
    assert [row["role"] for row in listed] == ["signs", "verifies"]
    assert listed[0]["id"] == said["id"]
    assert listed[0]["days"] == 0
    assert (listed[1]["made"], listed[1]["days"]) == (None, None)


def test_no_secret_is_shown(here: Terminal) -> None:
    """Neither rotating nor listing prints one, and the file is for its owner alone."""
    said = [here.drip("keys", *words) for words in (["rotate"], ["rotate"], ["list"])]
    shown = "".join(one.out + one.err for one in said)
    secrets = load(here.folder, {}).secret_keys
    assert len(secrets) == 3
    assert not any(secret in shown for secret in secrets)
    assert stat.S_IMODE((here.folder / "drip.local.toml").stat().st_mode) == 0o600


def test_the_suppression_list_survives_rotations(here: Terminal) -> None:
    """Its key is that of the secret it was made with; with that one retired too; and never silently another."""
    store = wiring.store(load(here.folder, {}))
    store.upgrade()
    key = wiring.suppression_key(load(here.folder, {}), store)
    here.drip("keys", "rotate")
    settings = load(here.folder, {})
    new, old = settings.secret_keys
    assert wiring.suppression_key(settings, store) == key
    retired = load(here.folder, {"DRIP_SECRET_KEY": new, "DRIP_RETIRED_KEYS": old})
    assert wiring.suppression_key(retired, store) == key
    with pytest.raises(SettingsError, match="suppression list"):
        wiring.suppression_key(load(here.folder, {"DRIP_SECRET_KEY": new}), store)
    store.close()


def test_a_retired_key_lets_people_leave_and_nothing_else() -> None:
    """A removed key's links are not ours any more; a retired one's are, for leaving."""
    token = {
        purpose: sign(Ring.of([OLD]), purpose, 7) for purpose in (Purpose.UNSUBSCRIBE, Purpose.CLICK, Purpose.UNDO)
    }
    ring = Ring.of([NEWER], retired=[OLD])
    assert verify(ring, token[Purpose.UNSUBSCRIBE], Purpose.UNSUBSCRIBE, now=NOW).delivery_id == 7
    for purpose in (Purpose.CLICK, Purpose.UNDO):
        with pytest.raises(TokenError):
            verify(ring, token[purpose], purpose, now=NOW)
    with pytest.raises(TokenError):
        verify(ring, token[Purpose.UNSUBSCRIBE], Purpose.CLICK, now=NOW)
    with pytest.raises(TokenError):
        verify(Ring.of([NEWER]), token[Purpose.UNSUBSCRIBE], Purpose.UNSUBSCRIBE, now=NOW)


def test_a_key_in_the_environment_is_left_to_who_put_it_there(here: Terminal) -> None:
    """The environment goes over the file: rotating the file would change nothing, and says what to do."""
    said = here.drip("keys", "rotate", code=1, DRIP_SECRET_KEY=OLD).err
    assert 'DRIP_SECRET_KEY="$(drip keys new),$DRIP_SECRET_KEY"' in said
    assert OLD not in said
    assert not (here.folder / "drip.local.toml").exists()
    assert len(here.drip("keys", "new").out.strip()) > 40


@pytest.mark.parametrize(
    "text",
    [
        f'secret_key = "{OLD}"\n# a comment\nbase_url = "https://learn.acme.example"\n',
        f'base_url = "https://learn.acme.example"\nsecret_key = ["{OLD}"] # why\n\n[dkim]\n',
        f'base_url = "https://learn.acme.example"\n"secret_key" = [\n  "{OLD}",\n]\n[brand]\nname = "secret_key = 1"\n',
        f'secret_key = """{OLD}"""\r\nbase_url = "https://learn.acme.example"\r\n',
    ],
)
def test_everything_else_in_the_file_stays(tmp_path: Path, text: str) -> None:
    """However the key is written: the rest, with its comments, is there afterwards as before."""
    file = folder_with(tmp_path, text)
    put_first(tmp_path, 'new "and" odd \\ one', [OLD])
    settings = load(tmp_path, {})
    assert settings.secret_keys == ('new "and" odd \\ one', OLD)
    assert settings.base_url == "https://learn.acme.example"
    said = file.read_text("utf-8")
    assert all(
        line in said for line in text.splitlines() if "secret_key" not in line and OLD not in line and line != "]"
    )


def test_a_file_without_a_key_gets_one_before_its_sections(tmp_path: Path) -> None:
    """Also where there is no file at all."""
    folder_with(tmp_path, '[brand]\nname = "Acme"\n')
    put_first(tmp_path, NEWER, [OLD])
    assert load(tmp_path, {}).secret_keys == (NEWER, OLD)
    (tmp_path / "drip.local.toml").unlink()
    put_first(tmp_path, NEWER, [])
    assert load(tmp_path, {}).secret_keys == (NEWER,)


def test_two_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    """The second, which has read what the first replaced, is refused rather than drop the first one's key."""
    folder_with(tmp_path, f'secret_key = "{OLD}"\n')
    put_first(tmp_path, NEWER, [OLD])
    with pytest.raises(Refused, match="drip keys list"):
        put_first(tmp_path, "a third secret made at the same time", [OLD])
    assert load(tmp_path, {}).secret_keys == (NEWER, OLD)
    assert [path.name for path in tmp_path.iterdir()] == ["drip.local.toml"]


def test_a_secret_says_when_it_was_made() -> None:
    """One of ours does; one that only looks like it, or another's, does not."""
    secrets = [dated("x" * 20, NOW.date()), "2026-99-99.abc", OLD]
    assert [one.made for one in named(secrets, [])] == [NOW.date(), None, None]
    assert [one.role for one in named(secrets, [NEWER])] == ["signs", "verifies", "verifies", "leaving only"]
