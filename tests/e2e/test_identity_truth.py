"""Identity through the whole path against the planted truth, and what its mistakes do to the figures managers read."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from conftest import TEST_PEPPER
from support.identity_truth import people_of_accounts, true_clusters

from pipelines.contracts.marts import MartParams
from pipelines.identity.evaluate import evaluate
from pipelines.ingest import vault_values
from pipelines.marts import compute
from pipelines.marts.identity import identity_policy_effect
from pipelines.warehouse import open_build, query_published, read_past

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def accounts(world) -> pl.DataFrame:
    return query_published(world.settings, "from core.dim_account order by account_key")


@pytest.fixture(scope="module")
def people(world, accounts) -> pl.DataFrame:
    found = people_of_accounts(world.truth("account_person"), TEST_PEPPER.encode())
    known = found.join(accounts, on="account_key", how="semi")
    assert len(known) > 0.97 * len(accounts)
    return known


def _scores(accounts: pl.DataFrame, people: pl.DataFrame, key: str) -> dict:
    both = accounts.join(people, on="account_key").select("account_key", "person_id", customer_id=key)
    named = both.rename({"account_key": "record_id"})
    return evaluate(named.select("record_id", "customer_id"), named.select("record_id", "person_id"))


def test_strangers_are_kept_apart_and_people_found(accounts, people, record_property):
    """The bar is what plain joining by equal values reaches, at a precision it does not reach."""
    keyed = people.join(accounts.filter(pl.col("buyer_key_kind") == "real"), on="account_key", how="semi")
    scores = _scores(accounts, keyed, "customer_id")
    for name, value in scores["pairwise"].items():
        record_property(f"pairwise_{name}", value)
    assert scores["pairwise"]["precision"] >= 0.995
    assert scores["bcubed"]["precision"] >= 0.995
    assert scores["pairwise"]["recall"] >= 0.80


def test_masked_buyers_are_merged_with_nobody(accounts):
    masked = accounts.filter(pl.col("buyer_key_kind") == "masked")
    sizes = accounts.group_by("customer_id").len()
    assert len(masked) > 20
    assert masked.join(sizes, on="customer_id")["len"].max() == 1


def test_masked_buyers_are_asked_about_and_the_answer_is_as_probable_as_it_says(
    world, accounts, people, record_property
):
    """Candidates of masked telephones against the truth: how many are right, and how many could be found at all."""
    links = _table(world, "from identity.possible_link where kind = 'masked_phone'")
    person = people.select("account_key", "person_id")
    theirs = accounts.join(person, on="account_key").select("customer_id", person_id="person_id").unique()
    asked = links.join(person, on="account_key").join(
        accounts.select(candidate_key="account_key", customer_id="customer_id"), on="candidate_key"
    )
    right = asked.join(theirs, on=["customer_id", "person_id"], how="semi")
    precision, stated = right.height / links.height, float(links["posterior"].mean())  # type: ignore[arg-type]
    told = _table(world, "from intermediate.int_account_contact").join(person, on="account_key")
    known = told.drop_nulls(["phone_key", "name_key"])["person_id"].unique()
    masked = told.drop_nulls("phone_mask_key").unique("account_key")
    findable = masked.filter(pl.col("person_id").is_in(known.implode()))
    recall = right["account_key"].n_unique() / findable.height
    for name, value in {"precision": precision, "stated": stated, "recall": recall, "links": links.height}.items():
        record_property(f"masked_{name}", round(value, 4))
    print(f"{links.height} links, precision {precision:.4f}, stated {stated:.4f}, recall of the findable {recall:.4f}")
    assert links.height > 40
    assert precision >= 0.97
    assert abs(precision - stated) < 0.03
    assert recall >= 0.8
    assert not links["is_accepted"].any()


def test_no_mask_is_evidence_and_no_telephone_leaves_the_vault(world):
    """Every text of every table of the build and of the published file, value by value."""
    masks = set(vault_values(world.settings, ["phone_mask", "name_mask"])["value_key"])
    assert len(masks) > 50
    evidence = _table(world, "select value_key from intermediate.int_identity_evidence")["value_key"]
    assert not masks & set(evidence)
    clear = vault_values(world.settings, ["phone", "phone_mask"])["normalised"].unique()
    with open_build(world.settings, read_only=True) as con:
        texts = con.sql("from duckdb_columns() where data_type = 'VARCHAR' and not internal").pl()
        con.register("clear", clear.str.strip_prefix("+86").str.strip_prefix("+").to_frame())
        for schema, table, column in texts.select("schema_name", "table_name", "column_name").iter_rows():
            value = f'"{column}"'
            found = con.sql(
                f"select count(*) from {schema}.{table} where {value} similar to '.*1[3-9][0-9][*]+[0-9]{{4}}.*' "
                f"or ltrim({value}, '+') in (select normalised from clear)"
            ).fetchone()
            assert found == (0,), (schema, table, column)
    published = {
        column
        for table in ("dim_account", "dim_customer", "fct_order", "customer_field_provenance")
        for column in query_published(world.settings, f"from core.{table} limit 0").columns
    }
    assert not [column for column in published if "mask_key" in column or column.endswith("phone_key")]


def _table(world, sql: str) -> pl.DataFrame:
    with open_build(world.settings, read_only=True) as con:
        return con.sql(sql).pl()


def test_mistakes_of_identity_hardly_move_customers_repeat_rate_and_ltv(world, accounts, people, record_property):
    """The same figures with accounts joined as they are in truth: the difference is the error that identity causes."""
    truth = true_clusters(people, accounts)
    tables = {
        name: query_published(world.settings, f"from core.{name}").lazy()
        for name in ("dim_customer", "dim_account", "fct_order")
    }
    tables["identity_policy"] = truth.with_columns(policy=pl.lit("strict")).lazy()
    exact = compute(identity_policy_effect.MART, tables, MartParams(as_of=world.last_day))
    ours = query_published(world.settings, "from marts.identity_policy_effect where policy = 'default'")
    for basis in ("contribution", "net_revenue"):
        by_basis = [
            frame.filter(pl.col("basis") == basis) for frame in (ours, exact.filter(pl.col("policy") == "strict"))
        ]
        told, true = (frame.row(0, named=True) for frame in by_basis)
        errors = {name: float(told[name]) / float(true[name]) - 1 for name in ("customer_n", "repeat_rate", "ltv_365")}
        for name, error in errors.items():
            record_property(f"{basis}_{name}_error", round(error, 6))
            print(f"{basis} {name}: {told[name]} against {true[name]} in truth, error {error:+.2%}")
        assert 0 <= errors["customer_n"] < 0.10
        assert -0.15 < errors["repeat_rate"] <= 0.005
        assert -0.10 < errors["ltv_365"] <= 0.005


def test_no_customer_has_two_member_numbers(world, accounts):
    members = accounts.filter(pl.col("source_system") == "crm")
    assert len(members) > 100
    assert not members["customer_id"].is_duplicated().any()


def test_history_is_recorded_once_and_the_assignment_is_it(world, accounts):
    history = read_past(world.settings).history
    assert set(history["account_key"]) == set(accounts["account_key"])
    assert history["run_n"].unique().to_list() == [1]
    table = query_published(world.settings, "from core.identity_assignment")
    now = table.filter(pl.col("recorded_to").is_null()).select("account_key", "customer_id").sort("account_key")
    assert now.equals(accounts.select("account_key", "customer_id"))


def test_no_name_leaves_the_vault(world):
    names = set(vault_values(world.settings, ["name"])["normalised"])
    assert len(names) > 100
    found = [path for path in world.settings.warehouse_dir.rglob("*") if path.is_file()]
    found += [path for path in world.settings.state_dir.rglob("*") if path.is_file()]
    for path in found:
        content = path.read_bytes().decode("utf-8", errors="ignore").lower()
        assert not [name for name in names if len(name) > 9 and name in content], path.name


def test_golden_record_is_what_its_accounts_say(world, accounts):
    """Shown values recomputed one customer at a time in plain Python; direct identifiers are told of, not shown."""
    with open_build(world.settings, read_only=True) as con:
        said = con.sql("from intermediate.int_account_claim").pl().join(accounts, on="account_key")
        trusted = dict(con.sql("select source_system, priority from seeds.identity_source_priority").fetchall())
    told = query_published(world.settings, "from core.customer_field_provenance")
    customers = query_published(world.settings, "select customer_id, city, birth_year from core.dim_customer")
    cities = {row["customer_id"]: row for row in told.filter(pl.col("field") == "city").iter_rows(named=True)}
    contested = 0
    for (customer,), rows in said.filter(pl.col("field") == "city").group_by("customer_id"):
        claims = rows.to_dicts()
        last = max(trusted.values()) + 1
        best = max(
            claims,
            key=lambda row: (
                row["is_verified"], -trusted.get(row["source_system"], last), row["observed_at"] or datetime.min,  # noqa: DTZ901
                len(row["value"]), row["value"],
            ),
        )  # fmt: skip
        assert cities[customer]["value"] == best["value"]
        assert cities[customer]["n_conflicts"] == len({row["value"] for row in claims}) - 1
        contested += cities[customer]["n_conflicts"] > 0
    assert len(cities) > 100
    shown = customers.drop_nulls("city")
    assert {key: row["value"] for key, row in cities.items()} == dict(shown.select("customer_id", "city").iter_rows())
    assert told.filter(pl.col("field").is_in(["email", "phone", "name"]))["value"].null_count() > 100
    assert told.filter(pl.col("field").is_in(["email", "phone", "name"]))["value"].drop_nulls().is_empty()
    print(f"{len(cities)} cities, {contested} of several; {told['strategy'].value_counts().rows()}")
