"""Which version of a restated record counts: dbt's choice against a plain one, over random records; and its log."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from orchestration.dbt_run import invoke, target_dir
from pipelines.contracts.settings import Settings
from pipelines.ingest import create_raw_views
from pipelines.warehouse import begin_build, open_build, write_run_context

AS_OF = date(2025, 3, 31)
TABLE = "canonical__refund"
Version = tuple[str, str, str, datetime]


def _rows(seed: int = 5) -> list[Version]:
    """Records of one to four versions: learnt at once, twice, out of order, after the as-of day, sent twice."""
    draw = random.Random(seed)
    rows = []
    for number in range(300):
        for _ in range(draw.randint(1, 4)):
            known_at = datetime.combine(AS_OF + timedelta(days=draw.randint(-3, 3)), time(draw.randint(0, 23)))
            row = (draw.choice("ab"), f"r{number}", draw.choice("0123"), known_at)
            rows += [row] * draw.randint(1, 2)
    draw.shuffle(rows)
    return rows


def _superseded(rows: list[Version]) -> set[Version]:
    """All but the last version known at the end of the as-of day: the one learnt later, then the larger hash."""
    known = {row for row in rows if row[3].date() <= AS_OF}
    counting: dict[tuple[str, str], tuple[datetime, str]] = {}
    for source, key, digest, known_at in known:
        last = counting.get((source, key))
        counting[source, key] = max(last, (known_at, digest)) if last else (known_at, digest)
    return {row for row in known if counting[row[0], row[1]] != (row[3], row[2])}


def test_the_version_learnt_last_counts_and_the_others_are_superseded(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, reporting_tz="UTC")
    rows = _rows()
    names = ["source_system", "record_key", "record_hash", "known_at"]
    stated = pl.DataFrame(rows, schema=names, orient="row").with_columns(event_at="known_at")
    begin_build(settings)
    with open_build(settings) as con:
        create_raw_views(con, settings)
        write_run_context(con, settings, AS_OF, "USD")
        con.register("stated", stated)
        con.execute(f"create table kept as select * from raw.{TABLE}")
        con.execute(f"drop view raw.{TABLE}")
        con.execute(f"create table raw.{TABLE} as select * from kept union all by name select * from stated")
        con.execute("drop table kept")
    result = invoke(settings, ["run", "--select", "base_raw__superseded"])
    assert result.success, result.exception or [node.message for node in result.result.results]
    with open_build(settings) as con:
        found = con.execute(f"select raw_table, {', '.join(names)} from staging.base_raw__superseded").fetchall()
    expected = _superseded(rows)
    assert len(expected) > 100
    assert sorted(found) == sorted((TABLE, *row) for row in expected)


def test_an_error_is_told_by_the_result_and_by_the_log(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, reporting_tz="UTC")
    begin_build(settings)
    with open_build(settings):
        pass
    result = invoke(settings, ["run", "--select", "base_raw__superseded"])
    assert not result.success
    log = (target_dir(settings) / "logs" / "dbt.log").read_text()
    assert "[error]" in log
    assert "base_raw__superseded" in log
