"""`caw resolve` as a function: files in, clusters and report out."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from support.identity_records import records

from pipelines.identity.files import resolve_file
from pipelines.identity.policy import default_policy

PHONE = "13812345678"


@pytest.fixture
def table() -> pl.DataFrame:
    return records({"id": "a", "phone_raw": PHONE}, {"id": "b", "phone_raw": "+86 138 1234 5678"}, {"id": "c"})


@pytest.mark.parametrize(("kind", "out"), [("csv", "csv"), ("parquet", "parquet"), ("csv", "parquet")])
def test_every_record_is_written_once_and_scored(tmp_path: Path, table: pl.DataFrame, kind: str, out: str) -> None:
    source, target, scores = tmp_path / f"r.{kind}", tmp_path / "deep" / f"c.{out}", tmp_path / "s.json"
    truth = pl.DataFrame({"record_id": list("abc"), "person_id": ["1", "1", "2"], "case": ["x", "x", "y"]})
    for frame, path in ((table, source), (truth, tmp_path / f"t.{kind}")):
        (frame.write_csv if kind == "csv" else frame.write_parquet)(path)
    done = resolve_file(source, target, tmp_path / f"t.{kind}", scores)
    written = pl.read_csv(target) if out == "csv" else pl.read_parquet(target)
    assert written.columns == ["record_id", "customer_id"]
    assert written["record_id"].to_list() == ["a", "b", "c"]
    assert written["customer_id"].n_unique() == 2
    report = json.loads(scores.read_text())
    assert report == done.report
    assert set(report) == {"pairwise", "bcubed", "by_case", "records", "clusters", "seconds"}
    assert report["pairwise"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert set(report["by_case"]) == {"x", "y"}
    assert list(tmp_path.glob("**/.*partial")) == []


def test_ids_keep_their_type_and_repeated_records_are_one(tmp_path: Path) -> None:
    source = tmp_path / "r.parquet"
    pl.DataFrame({"record_id": [7, 8, 7], "phone_raw": [PHONE, PHONE, None]}).write_parquet(source)
    resolve_file(source, tmp_path / "c.parquet")
    assert pl.read_parquet(tmp_path / "c.parquet").select("record_id").to_series().to_list() == [7, 8]


def test_possible_links_are_accepted_on_demand(tmp_path: Path) -> None:
    rows = [
        {"id": "k", "phone_raw": PHONE, "name_raw": "刘洋"},
        {"id": "m", "phone_raw": "138****5678", "name_raw": "刘**"},
        *({"id": f"s{n}", "phone_raw": f"13900000{n:03}", "name_raw": "王芳"} for n in range(100, 110)),
    ]
    records(*rows).write_parquet(tmp_path / "r.parquet")
    plain = resolve_file(tmp_path / "r.parquet", tmp_path / "c.csv")
    daring = resolve_file(tmp_path / "r.parquet", tmp_path / "c.csv", policy=default_policy(possible_posterior=0.9))
    assert plain.report["clusters"] - daring.report["clusters"] == 1
    assert plain.possible.height == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("r.csv", "id,phone\n1,2\n", "no column record_id"), ("r.xlsx", "x", "csv"), ("r.parquet", "x", "r.parquet")],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        resolve_file(tmp_path / name, tmp_path / "c.csv")
    with pytest.raises(ValueError, match="no such file"):
        resolve_file(tmp_path / "absent.csv", tmp_path / "c.csv")
