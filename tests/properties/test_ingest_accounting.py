"""Accounting: whatever is done to a valid file, every record is accepted, quarantined or a duplicate, exactly once.

(That the number of records itself is right is shown against Python's csv in tests/unit/ingest/test_structure.py.)
"""

from __future__ import annotations

import itertools
import random
import tempfile
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.contracts.settings import Settings
from pipelines.ingest import account_book, ingest_landing, quarantined_rows

PEPPER = "a pepper for property tests, thirty-two bytes"
HEADER = "settlement_id,order_id,posted_at,type,amount,currency,raw_description"
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def line(number: int, amount: int) -> str:
    text = ["fee", '"a, b"', '"say ""so"""', ""][number % 4]
    return f"s{number},o{number},2024-01-{number % 28 + 1:02} 10:00:00,payment_fee,{amount / 100:.2f},EUR,{text}"


def ingested(files: dict[str, bytes]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The book, the accepted rows (contents only) and the quarantine of a fresh house with these files."""
    with tempfile.TemporaryDirectory() as folder:
        house = Settings(home=Path(folder), pepper=PEPPER, quarantine_limit_rate=1.0)
        for name, content in files.items():
            path = house.landing_dir / "fin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        ingest_landing(house)
        paths = sorted(house.raw_dir.glob("fin/*/*.parquet"))
        contents = ["record_key", "record_hash", "settlement_id", "amount", "event_at", "known_at", "raw_description"]
        rows = pl.concat([pl.read_parquet(path).select(contents) for path in paths]) if paths else pl.DataFrame()
        return account_book(house), rows.sort(contents) if rows.width else rows, quarantined_rows(house)


def file_of(lines: list[str]) -> bytes:
    return ("\n".join((HEADER, *lines)) + "\n").encode()


lines_strategy = st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=40).map(
    lambda amounts: [line(i, amount) for i, amount in enumerate(amounts)]
)


@quick
@given(lines_strategy, st.integers(0, 2**32), st.integers(1, 8))
def test_rows_and_money_always_tie_out_under_damage(lines: list[str], seed: int, damage_n: int) -> None:
    chance = random.Random(seed)
    content = bytearray(file_of(lines))
    start = content.index(b"\n") + 1
    for _ in range(damage_n):
        if len(content) <= start:  # earlier damage cut the file down to its header
            break
        place = chance.randrange(start, len(content))
        kind = chance.randrange(4)
        if kind == 0:
            content[place] = chance.choice(b'",\n\rx0-\x00\xff')
        elif kind == 1:
            content[place:place] = chance.choice([b'"', b",", b"\n", b'""', b"\r\n", b"\x00"])
        elif kind == 2:
            del content[place]
        else:
            del content[max(start, place) :]
    book, rows, quarantine = ingested({"f.csv": bytes(content)})
    row = book.row(0, named=True)
    assert row["read_n"] == row["accepted_n"] + row["quarantined_n"] + row["duplicate_n"]
    assert row["money_read"] == row["money_accepted"] + row["money_quarantined"] + row["money_duplicate"]
    if row["outcome"] == "refused":
        assert row["code"] in {"EMPTY_FILE", "BAD_ENCODING"}
        return
    assert rows.height == row["accepted_n"]
    assert quarantine.height == row["quarantined_n"]
    assert row["money_accepted"] == rows["amount"].sum()


@quick
@given(lines_strategy, st.integers(0, 2**32))
def test_one_damaged_line_costs_one_row(lines: list[str], seed: int) -> None:
    chance = random.Random(seed)
    place = chance.randrange(len(lines))
    kinds = {
        "FIELD_COUNT": lines[place].split(",", 1)[0] + ",x",
        "UNTERMINATED_QUOTE": f's{place},"o' + lines[place].split(",o", 1)[1],
        "BAD_VALUE": lines[place].replace(".", ".x"),
        "BAD_ENUM": lines[place].replace("payment_fee", "shoe"),
        "KEY_MISSING": "," + lines[place].split(",", 1)[1],
    }
    reason = chance.choice(sorted(kinds))
    damaged = [*lines[:place], kinds[reason], *lines[place + 1 :]]
    book, rows, quarantine = ingested({"f.csv": file_of(damaged)})
    assert quarantine.select("source_row", "reason").rows() == [(place + 2, reason)]
    assert book.select("read_n", "accepted_n").rows() == [(len(lines), len(lines) - 1)]
    untouched = {line.split(",")[0] for i, line in enumerate(lines) if i != place}
    assert set(rows["settlement_id"].to_list() if rows.height else []) == untouched


@quick
@given(lines_strategy, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(lines: list[str], chance: random.Random) -> None:
    repeated = lines + lines[: len(lines) // 3]
    shuffled = chance.sample(repeated, len(repeated))
    one, two = ingested({"f.csv": file_of(repeated)}), ingested({"f.csv": file_of(shuffled)})
    assert one[1].equals(two[1])
    counts = ["read_n", "accepted_n", "duplicate_n", "money_accepted", "money_duplicate"]
    assert one[0].select(counts).equals(two[0].select(counts))


@quick
@given(lines_strategy, st.integers(1, 4), st.randoms(use_true_random=False))
def test_splitting_a_file_changes_nothing(lines: list[str], parts: int, chance: random.Random) -> None:
    places = sorted(chance.randrange(len(lines) + 1) for _ in range(parts))
    cuts = [0, *places, len(lines)]
    pieces = [lines[a:b] for a, b in itertools.pairwise(cuts) if a < b]
    names = chance.sample(range(100), len(pieces))
    split = {f"{name:02}.csv": file_of(piece) for name, piece in zip(names, pieces, strict=True)}
    whole, apart = ingested({"f.csv": file_of(lines)}), ingested(split)
    assert whole[1].equals(apart[1])
    assert whole[0]["money_accepted"].sum() == apart[0]["money_accepted"].sum()


@quick
@given(lines_strategy, st.integers(0, 2**32))
def test_sending_rows_again_adds_nothing(lines: list[str], seed: int) -> None:
    chance = random.Random(seed)
    again = chance.sample(lines, chance.randrange(len(lines) + 1)) or lines[:1]
    more = [line(1000 + i, i) for i in range(3)]
    once = ingested({"a.csv": file_of(lines), "b.csv": file_of(more)})
    twice = ingested({"a.csv": file_of(lines), "b.csv": file_of(again + more), "c.csv": file_of(lines)})
    assert once[1].equals(twice[1])
    assert twice[0]["duplicate_n"].to_list() == [0, len(again), len(lines)]
