"""Keys: HMAC-SHA256 by type, the same one by one and by column; the pepper is kept privately or missed loudly."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import polars as pl
import pytest

from pipelines.contracts.keys import (
    DEMO_PEPPER,
    MissingPepperError,
    is_demo_pepper,
    load_pepper,
    make_pepper,
    pepper_id,
    pepper_path,
    value_key,
    value_keys,
)
from pipelines.contracts.settings import Settings
from pipelines.ingest import init_home

SHORT, LONG = b"k" * 40, b"long" * 40


@pytest.mark.parametrize("pepper", [SHORT, LONG])
def test_column_and_single_key_and_the_standard_library_agree(pepper: bytes) -> None:
    values = pl.Series(["a@b.org", None, "", "张三", "a" * 200])
    expected = [
        None if v is None else hmac.new(pepper, b"email\x1f" + v.encode(), hashlib.sha256).hexdigest()[:32]
        for v in values.to_list()
    ]
    assert value_keys(pepper, "email", values).to_list() == expected
    assert value_key(pepper, "email", "张三") == expected[3]


def test_types_and_peppers_never_share_a_key() -> None:
    keys = {value_key(p, t, "4155550100") for p in (SHORT, LONG) for t in ("phone", "member_no", "web:account")}
    assert len(keys) == 6
    assert pepper_id(SHORT) != pepper_id(LONG)


def test_a_made_pepper_is_private_and_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAW_PEPPER", raising=False)
    settings = Settings(home=tmp_path, pepper=None)
    with pytest.raises(MissingPepperError, match="caw init"):
        load_pepper(settings)
    made = init_home(settings, ["web"])
    assert pepper_path(settings) in made
    assert pepper_path(settings).stat().st_mode & 0o777 == 0o600
    assert settings.vault_dir.stat().st_mode & 0o777 == 0o700
    first = load_pepper(settings)
    assert len(first) >= 32
    assert not make_pepper(settings)
    assert init_home(settings, ["web"]) == []
    assert load_pepper(settings) == first


def test_a_short_pepper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingPepperError, match="32"):
        load_pepper(Settings(home=tmp_path, pepper="short"))


def test_the_demo_pepper_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAW_PEPPER", raising=False)
    settings = Settings(home=tmp_path, pepper=None)
    make_pepper(settings, DEMO_PEPPER)
    assert is_demo_pepper(load_pepper(settings))
    assert not is_demo_pepper(SHORT)
