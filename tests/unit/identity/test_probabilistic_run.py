"""The probabilistic stage on the warehouse's path: a model that is kept, posteriors that mean what they say."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from support.identity_facts import DAY, PEPPER, facts, ids

from orchestration.cli import main
from orchestration.identity_build import ProbabilisticStage, probabilistic_stage
from pipelines.contracts.errors import CawError
from pipelines.contracts.identity import MODEL_TABLE
from pipelines.contracts.settings import Probabilistic, Settings
from pipelines.identity.calibration import LEAST_PAIRS, calibrate
from pipelines.identity.overrides import override
from pipelines.identity.policy import default_policy
from pipelines.identity.probabilistic import TRAINED_FROM
from pipelines.identity.probabilistic_model import Model
from pipelines.identity.rivals import with_rivals
from pipelines.identity.unify import Facts, Unified, no_past, unify
from pipelines.warehouse import model_table, read_model, state, write_table
from pipelines.warehouse.identity_state import trained_model

PLANTED = [("desk/a1", "margaret thompson"), ("desk/a2", "margret thompson")]


def world(strangers_n: int, seed: int = 11, **more: Any) -> Facts:
    """Planted pairs among strangers without any identifier, and customers whose accounts a member number links.

    Names, years and cities of linked customers are spelt as badly as those of the lonely ones, so that the stage can
    learn how right it is.
    """
    rng = random.Random(seed)
    rows: list[tuple[str, str, str]] = [(key, "email", "") for key, _ in PLANTED]
    told = {key: (name, 1980, "york") for key, name in PLANTED}

    def person() -> tuple[str, int, str]:
        word = ["".join(rng.choice("bcdfgl") + rng.choice("aei") for _ in range(3)) for _ in range(2)]
        return " ".join(sorted(word)), rng.randrange(1950, 2000), rng.choice(["york", "leeds", "bath", "hull"])

    def again(of: tuple[str, int, str]) -> tuple[str, int, str]:
        name, year, city = of
        slip = rng.randrange(len(name))
        return (
            name[:slip] + name[slip + 1 :] if rng.random() < 0.3 else name,
            year + (rng.random() < 0.1),
            rng.choice(["york", "leeds"]) if rng.random() < 0.1 else city,
        )

    for n in range(strangers_n):
        told[f"desk/s{n:05}"] = person()
        rows.append((f"desk/s{n:05}", "email", ""))
    for n in range(strangers_n // 4):
        first = person()
        for source, one in (("crm", first), ("shop", again(first))):
            told[f"{source}/m{n:05}"] = one
            rows.append((f"{source}/m{n:05}", "member_no", f"m{n}"))
    made = facts(rows, {key: name for key, (name, _, _) in told.items()}, **more)
    known = pl.DataFrame(
        [(key, year, city) for key, (_, year, city) in told.items()],
        schema={"account_key": pl.String, "birth_year": pl.Int64, "city": pl.String},
        orient="row",
    )
    accounts = made.accounts.drop("birth_year", "city").join(known, on="account_key")
    return replace(made, accounts=accounts.select(made.accounts.columns))


def run(given: Facts, stage: ProbabilisticStage, **policy: Any) -> Unified:
    return unify(given, no_past(), PEPPER, DAY, default_policy(**policy), scorer=stage)


def scored(found: Unified) -> pl.DataFrame:
    links = found.tables["possible_link"]
    return links.filter(pl.col("kind") == "probabilistic").sort("posterior", descending=True)


def test_a_planted_pair_is_asked_about_and_joined_only_from_a_configured_probability() -> None:
    given = world(60)
    found = run(given, ProbabilisticStage(None))
    link = scored(found).row(0, named=True)
    assert {link["account_key"], link["candidate_key"]} == {key for key, _ in PLANTED}
    assert (link["is_accepted"], link["reason"]) == (False, "for people to decide")
    now = ids(found)
    assert now["desk/a1"] != now["desk/a2"]
    joined = run(given, ProbabilisticStage(None), possible_posterior=0.9)
    assert ids(joined)["desk/a1"] == ids(joined)["desk/a2"]
    assert scored(joined)["is_accepted"][0]
    said = override("cannot_link", "desk/a1", "desk/a2", "ann", "mother and daughter", DAY)
    apart = run(world(60, overrides=said), ProbabilisticStage(None), possible_posterior=0.9)
    assert ids(apart)["desk/a1"] != ids(apart)["desk/a2"]
    assert not set(scored(apart)["account_key"]) & {"desk/a1", "desk/a2"}


def test_two_members_are_never_joined_and_the_linked_are_not_asked() -> None:
    given = world(60)
    cards = pl.DataFrame(
        {
            "account_key": [key for key, _ in PLANTED], "id_type": "member_no", "value_key": ["x1", "x2"],
            "source_system": "desk", "first_seen_at": DAY, "last_seen_at": DAY, "is_linking": True,
        },
        schema=given.evidence.schema,
    )  # fmt: skip
    found = run(
        replace(given, evidence=pl.concat([given.evidence, cards])), ProbabilisticStage(None), possible_posterior=0.5
    )
    link = scored(found).filter(pl.col("account_key") == "desk/a2").row(0, named=True)
    assert (link["is_accepted"], link["reason"]) == (False, "limit: 2 member_no where 1 may be")
    asked = {*scored(found)["account_key"], *scored(found)["candidate_key"]}
    assert asked
    assert not [key for key in asked if key.startswith(("crm/", "shop/"))]


def _publish(settings: Settings, version: str, model: Model | None) -> None:
    """What a publish does with the model of a build."""
    with duckdb.connect() as con:
        write_table(con, "identity", MODEL_TABLE, model_table(model))
        for log, records in trained_model(settings, con).items():
            state.append(settings, log, version, records)


def test_a_kept_model_scores_the_same_data_the_same_until_it_is_trained_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, probabilistic=Probabilistic.on)
    given = world(TRAINED_FROM + 200)
    first = probabilistic_stage(settings)
    assert first is not None
    assert first.kept is None
    before = run(given, first)
    assert first.used is not None
    assert first.used.is_trained
    assert first.used.calibration is not None
    assert read_model(settings) is None, "a model is in use once the run that trained it is published"
    _publish(settings, "20250701T1", first.used)
    _publish(settings, "20250702T1", first.used)
    (kept,) = (settings.state_dir / "identity_model").iterdir()
    assert kept.name == "20250701T1.jsonl"
    texts = kept.read_text()
    json.loads(texts)
    assert not [name for name in given.names["name"] if name in texts], "a model holds nobody's name"
    again = probabilistic_stage(settings)
    assert again is not None
    shuffled = replace(given, names=given.names.sample(fraction=1, shuffle=True, seed=1))
    assert run(shuffled, again).tables["possible_link"].equals(before.tables["possible_link"])
    assert set(scored(before)["model"]) == {first.used.name}
    other = world(TRAINED_FROM + 300, seed=12)
    assert set(scored(run(other, again))["model"]) == {first.used.name}, "other data, the same model"
    anew = probabilistic_stage(settings.model_copy(update={"probabilistic": Probabilistic.retrain}))
    assert anew is not None
    run(other, anew)
    assert anew.used is not None
    assert anew.used.name != first.used.name
    _publish(settings, "20250703T1", anew.used)
    latest = read_model(settings)
    assert latest is not None
    assert latest == anew.used or latest.name == anew.used.name


def _pairs(rng: np.random.Generator, n: int, match_share: float) -> pl.DataFrame:
    """Pairs whose stated posterior is far too cautious: true log-odds are twice the stated ones plus three."""
    is_match = rng.random(n) < match_share
    # Weights of matches and others are normal with unit variance, two apart: then log-odds are linear in the weight.
    weight = rng.normal(np.where(is_match, 1.0, -1.0), 1.0)
    odds = 2.0 * weight
    stated = 1 / (1 + np.exp(-(odds - 3.0) / 2.0))
    return pl.DataFrame({"posterior": stated, "is_match": is_match}).with_columns(rivals=pl.lit(0, pl.Int64))


def test_the_correction_is_right_where_matches_are_rarer_than_where_it_was_learnt() -> None:
    rng = np.random.default_rng(3)
    known, asked = _pairs(rng, 20_000, 0.9), _pairs(rng, 20_000, 0.3)
    # Chance pairs per pair of records are the same on both sides: 2,000 among the known, 14,000 among the asked.
    strangers = [frame.height - int(frame["is_match"].sum()) for frame in (known, asked)]
    asked_n = 6_000
    pairs_of_strangers = asked_n * (asked_n - 1) / 2 * strangers[0] / strangers[1]
    found = calibrate(known, pairs_of_strangers, asked_n, asked.height)
    assert found is not None
    told = asked.with_columns(found.corrected(asked))
    assert _furthest(told.select(pl.col("posterior", "is_match").mean())) < 0.01
    bins = told.group_by(pl.col("posterior").mul(5).floor()).agg(
        pl.len(), stated=pl.col("posterior").mean(), right=pl.col("is_match").mean()
    )
    assert bins.height == 5
    assert _furthest(bins.select(posterior="stated", is_match="right")) < 0.03
    assert _furthest(asked.select(pl.col("posterior", "is_match").mean())) > 0.05, "what is corrected was wrong"


def test_too_little_is_not_learnt_from() -> None:
    known = pl.DataFrame(
        {
            "posterior": [0.9] * 500, "rivals": [0] * 500,
            "is_match": [True] * (501 - LEAST_PAIRS) + [False] * (LEAST_PAIRS - 1),
        }
    )  # fmt: skip
    assert calibrate(known, 1_000, 1_000, 100) is None
    upside = pl.DataFrame(
        {"posterior": [0.1] * 100 + [0.9] * 100, "rivals": [0] * 200, "is_match": [True] * 100 + [False] * 100}
    )
    assert calibrate(upside, 1_000, 1_000, 100) is None


def _namesakes(rng: np.random.Generator, n: int) -> pl.DataFrame:
    """Pairs of one name: odds of one person are those stated times 4 : (r + 1/2), where r others bear it.

    What is stated knows nothing of the others.
    """
    rivals = rng.geometric(0.4, n) - 1
    stated = rng.uniform(0.2, 0.8, n)
    odds = stated / (1 - stated) * 4 / (rivals + 0.5)
    return pl.DataFrame({"posterior": stated, "rivals": rivals, "is_match": rng.random(n) < odds / (1 + odds)})


def _like_known(known: pl.DataFrame) -> tuple[float, int, int]:
    """What `calibrate` is told of pairs asked about that are like the known ones."""
    return 1_000 * 999 / 2, 1_000, known.height


def _furthest(pairs: pl.DataFrame) -> float:
    """The furthest that a probability (posterior) is from the share of pairs that are one person (is_match)."""
    return float(np.abs(pairs["posterior"].to_numpy() - pairs["is_match"].to_numpy()).max())


def test_a_name_that_others_bear_makes_a_pair_less_likely() -> None:
    rng = np.random.default_rng(5)
    known, asked = _namesakes(rng, 20_000), _namesakes(rng, 20_000)
    found = calibrate(known, *_like_known(known))
    assert found is not None
    assert abs(found.rivals_slope + 1) < 0.1
    assert abs(found.slope - 1) < 0.1
    told = asked.with_columns(found.corrected(asked)).filter(pl.col("rivals") < 5)
    by_rivals = told.group_by("rivals").agg(pl.col("posterior", "is_match").mean())
    assert _furthest(by_rivals) < 0.02
    blind = calibrate(known.with_columns(rivals=pl.lit(0, pl.Int64)), *_like_known(known))
    assert blind is not None
    without = asked.with_columns(blind.corrected(asked)).group_by("rivals").agg(pl.col("posterior", "is_match").mean())
    assert _furthest(without) > 0.1, "what rivals mend"


def test_rivals_never_speak_for_a_match() -> None:
    known = _pairs(np.random.default_rng(7), 2_000, 0.5)
    praised = known.with_columns(rivals=pl.when("is_match").then(5).otherwise(pl.col("rivals")).cast(pl.Int64))
    found = calibrate(praised, *_like_known(praised))
    assert found is not None
    assert found.rivals_slope == 0


def test_the_likeliest_tenth_states_no_more_than_it_bears_out() -> None:
    rng = np.random.default_rng(6)
    known = _pairs(rng, 4_000, 0.5)
    # Of the likeliest, whatever the model states, a fifth are two people: twins, which it takes for one.
    is_top = known["posterior"] > known["posterior"].sort()[-401]
    twins = known.with_columns(is_match=pl.when(is_top).then(pl.Series(rng.random(4_000) < 0.8)).otherwise("is_match"))
    found = calibrate(twins, *_like_known(twins))
    assert found is not None
    top, rest = found.corrected(twins.filter(is_top)), found.corrected(twins.filter(~is_top))
    share = twins.filter(is_top)["is_match"].to_numpy().mean()
    assert top.to_list() == [found.most] * 400
    assert abs(found.most - share) < 0.02
    assert found.most < rest.to_numpy().max() < found.top_from, "the next ones are right more often and say so"


def test_rivals_are_the_other_customers_of_a_pairs_names() -> None:
    names = pl.DataFrame(
        [
            ("a1", "a", "ann lee"), ("a2", "a2", "ann lee"), ("b1", "b", "ann lee"), ("b2", "b", "ann lee"),
            ("b3", "b", "anne lee"), ("c1", "c", "ann lee"), ("d1", "d", "bob ray"), ("e1", "e", "bob ray"),
        ],
        schema=["account_key", "cluster", "name"], orient="row",
    )  # fmt: skip
    pairs = pl.DataFrame({"a": ["a1", "b1", "d1", "a1", "x"], "b": ["a2", "b2", "e1", "d1", "y"]})
    # ann lee is borne by a, a2, b and c; bob ray by d and e.
    assert with_rivals(pairs, names)["rivals"].to_list() == [2, 3, 0, 3, 0]


def test_the_extra_is_named_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CawError, match=r"customer-asset-warehouse\[probabilistic\]"):
        probabilistic_stage(Settings(home=tmp_path, probabilistic=Probabilistic.on))
    assert probabilistic_stage(Settings(home=tmp_path)) is None
    (tmp_path / "landing").mkdir()
    monkeypatch.setattr(sys, "argv", ["caw", "run", "--probabilistic", "--home", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "customer-asset-warehouse[probabilistic]" in "".join(capsys.readouterr().err.split("\n")).replace("  ", " ")
    assert not (tmp_path / "build").exists()
