"""What the verbs about identity print."""

from __future__ import annotations

import polars as pl
import pytest

from orchestration.console import stdout
from orchestration.identity_summary import print_review


def test_keys_of_open_links_stand_whole_on_a_narrow_console(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, candidate = f"tmall/order/{'7' * 19}", f"tmall/{'x' * 32}"
    link = {"account_key": account, "candidate_key": candidate, "kind": "masked_phone", "posterior": 1.0}
    monkeypatch.setattr(stdout, "width", 80)
    print_review(pl.DataFrame([link | {"features": "mask, surname, city"}]))
    told = capsys.readouterr().out
    assert "…" not in told
    assert told.count("7") == 19
    assert told.count("x") == 32
