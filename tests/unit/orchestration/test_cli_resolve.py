"""`caw resolve`: the command line from a file of records to clusters, scores and messages."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from support.identity_records import records

from orchestration.cli import main
from pipelines.simulate.identity_world import identity_world


def caw(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of the command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["caw", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small adversarial world as Parquet and CSV."""
    folder = tmp_path_factory.mktemp("resolve")
    table, truth = identity_world(5, 300)
    for name, frame in (("records", table), ("truth", truth)):
        frame.write_parquet(folder / f"{name}.parquet")
        frame.write_csv(folder / f"{name}.csv")
    return folder


def test_clusters_scores_and_summary(world: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out, scores = tmp_path / "c.parquet", tmp_path / "s.json"
    arguments = ["resolve", world / "records.parquet", "--out", out, "--truth", world / "truth.csv", "--json", scores]
    assert caw(monkeypatch, *arguments) == 0
    table, truth = pl.read_parquet(world / "records.parquet"), pl.read_csv(world / "truth.csv")
    written = pl.read_parquet(out)
    assert written.columns == ["record_id", "customer_id"]
    assert written["record_id"].to_list() == table["record_id"].to_list()
    assert written["customer_id"].null_count() == 0
    report = json.loads(scores.read_text())
    assert list(report["pairwise"]) == list(report["bcubed"]) == ["precision", "recall", "f1"]
    assert set(report["by_case"]) == set(truth["case"])
    assert all(set(case) == {"pairwise", "bcubed"} for case in report["by_case"].values())
    assert report["records"] == len(table)
    assert report["clusters"] == written["customer_id"].n_unique()
    assert report["pairwise"] == _pairs(written, truth)
    printed = capsys.readouterr().out
    assert f"{report['clusters']:,} customers" in printed
    assert f"{report['pairwise']['f1']:.4f}" in printed


def test_csv_and_parquet_in_any_row_order_give_the_same_customers(world: Path, tmp_path: Path, monkeypatch) -> None:
    table = pl.read_csv(world / "records.csv", infer_schema=False)
    shuffled = table.sample(fraction=1, shuffle=True, seed=3).select(sorted(table.columns, reverse=True))
    shuffled.write_csv(tmp_path / "shuffled.csv", separator=";")
    (tmp_path / "gb.csv").write_bytes(table.write_csv().replace("\n", "\r\n").encode("gb18030"))
    found = []
    for source, more in (
        (world / "records.parquet", ()), (world / "records.csv", ()), (tmp_path / "shuffled.csv", ()),
        (tmp_path / "gb.csv", ("--encoding", "gb18030")),
    ):  # fmt: skip
        assert caw(monkeypatch, "resolve", source, "--out", tmp_path / "c.csv", *more) == 0
        found.append(pl.read_csv(tmp_path / "c.csv").sort("record_id").rows())
    assert all(rows == found[0] for rows in found)


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        ("record_id,phone_raw\na,1\nb\n", "line 3 has 1 fields, the header 2: 'b'", 3),
        ('record_id,phone_raw\na,"1\nb,2\n', "line 3", 3),
        ("id,phone_raw\na,1\n", "no column record_id; found id, phone_raw", 3),
        ("record_id;phone_raw\na;1\n;2\n", "no record_id in 1 of 2 rows, first row 2", 3),
        ("record_id,record_id\na,b\n", "names record_id twice", 3),
        ("", "the file is empty", 3),
        ("record_id\n", "no rows", 3),
    ],
)
def test_a_bad_file_is_refused_by_line_and_value(tmp_path: Path, monkeypatch, capsys, content, message, code) -> None:
    source, out = tmp_path / "r.csv", tmp_path / "c.csv"
    source.write_text(content)
    assert caw(monkeypatch, "resolve", source, "--out", out) == code
    told = capsys.readouterr().err
    assert message in told
    assert str(source) in told
    assert "fix" in told
    assert not out.exists()


def test_bad_encoding_and_bad_targets_are_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    source = tmp_path / "r.csv"
    source.write_bytes("record_id,name_raw\na,张三\n".encode("gb18030"))
    assert caw(monkeypatch, "resolve", source, "--out", tmp_path / "c.csv") == 3
    assert "line 2 is not utf-8" in capsys.readouterr().err
    source.write_text("record_id\na\n")
    assert caw(monkeypatch, "resolve", source, "--out", source) == 2
    assert caw(monkeypatch, "resolve", source, "--out", tmp_path / "c.xlsx") == 2
    assert caw(monkeypatch, "resolve", tmp_path / "absent.csv", "--out", tmp_path / "c.csv") == 2
    assert source.read_text() == "record_id\na\n"


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ("record_id,person_id\na,1\n", "1 of 2 record_ids are not in the truth: 'b'"),
        ("record_id,person_id\na,1\nb,2\nz,3\n", "1 of 3 record_ids are in the truth but not in the records: 'z'"),
        ("record_id,person_id\na,1\nb,2\nb,3\n", "record_id 'b' stands in more than one row"),
        ("record_id,person\na,1\n", "no column person_id"),
    ],
)
def test_a_truth_about_other_records_is_refused(tmp_path: Path, monkeypatch, capsys, truth, message) -> None:
    (tmp_path / "r.csv").write_text("record_id\na\nb\n")
    (tmp_path / "t.csv").write_text(truth)
    arguments = ["resolve", tmp_path / "r.csv", "--out", tmp_path / "c.csv", "--truth", tmp_path / "t.csv"]
    assert caw(monkeypatch, *arguments) == 3
    assert message in capsys.readouterr().err
    assert not (tmp_path / "c.csv").exists()


def test_doubts_about_columns_are_told(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "r.csv").write_text("record_id,phone_raw,first_seen,shoe\na,13812345678.0,soon,4\na,,2024-01-01,\n")
    assert caw(monkeypatch, "resolve", tmp_path / "r.csv", "--out", tmp_path / "c.csv") == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "columns not used: shoe" in told
    assert "each taken as one record: 'a'" in told
    assert "first_seen: no time, counted as unknown, in 1 rows: 'soon'" in told
    assert pl.read_csv(tmp_path / "c.csv")["record_id"].to_list() == ["a"]


def test_numbers_that_a_data_frame_made_decimal_are_read_as_they_were(tmp_path: Path, monkeypatch) -> None:
    table = records({"id": "a", "phone_raw": "13812345678"}, {"id": "b", "phone_raw": "13812345678"}, {"id": "c"})
    table.with_columns(pl.col("phone_raw").cast(pl.Float64)).write_parquet(tmp_path / "r.parquet")
    assert caw(monkeypatch, "resolve", tmp_path / "r.parquet", "--out", tmp_path / "c.parquet") == 0
    assert pl.read_parquet(tmp_path / "c.parquet")["customer_id"].n_unique() == 2


def _pairs(clusters: pl.DataFrame, truth: pl.DataFrame) -> dict[str, float]:
    """Pairwise scores by counting every pair: an oracle for small tables."""
    rows = clusters.join(truth.select("record_id", "person_id"), on="record_id").sort("record_id")
    customers, people = rows["customer_id"].to_list(), rows["person_id"].to_list()
    hits = found = true = 0
    for i in range(len(rows)):
        for j in range(i):
            same, is_same = customers[i] == customers[j], people[i] == people[j]
            found, true, hits = found + same, true + is_same, hits + (same and is_same)
    precision, recall = hits / found, hits / true
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}


def test_candidates_by_name_are_listed_and_joined_when_accepted(tmp_path: Path, monkeypatch, capsys) -> None:
    alike = {"birth_date": date(1980, 5, 17), "city": "York"}
    table = records({"id": "a", "name_raw": "Ann Thompson", **alike}, {"id": "b", "name_raw": "Ann Tompson", **alike})
    table.write_parquet(tmp_path / "r.parquet")
    out, possible = tmp_path / "c.csv", tmp_path / "p.csv"
    arguments = ["resolve", tmp_path / "r.parquet", "--out", out, "--probabilistic", "--possible", possible]
    assert caw(monkeypatch, *arguments) == 0
    assert "possible links: 1 probabilistic; accept some" in capsys.readouterr().out
    assert pl.read_csv(out)["customer_id"].n_unique() == 2
    assert pl.read_csv(possible).select("record_id", "candidate_record_id", "kind").rows() == [
        ("b", "a", "probabilistic")
    ]
    assert caw(monkeypatch, *arguments, "--accept", 0.95) == 0
    assert "possible links: 1 probabilistic; 1 accepted" in capsys.readouterr().out
    assert pl.read_csv(out)["customer_id"].n_unique() == 1


def test_a_missing_extra_is_named_to_the_bracket(world: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    arguments = ["resolve", world / "records.parquet", "--out", tmp_path / "c.csv", "--probabilistic"]
    assert caw(monkeypatch, *arguments) != 0
    assert "pip install 'customer-asset-warehouse[probabilistic]'" in capsys.readouterr().err
