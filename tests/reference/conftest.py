"""The company of fifty, computed once for the tests of its ledger and of its record.

Modules about other companies have fixtures of the same names, which go before these.
"""

from __future__ import annotations

import pytest
from support.asset_company import SHAPE, Tables, compute_asset
from support.marts_core import make_core


@pytest.fixture(scope="session")
def core() -> Tables:
    """Fifty customers; orders and refunds are learnt of up to five days late."""
    return make_core(SHAPE)


@pytest.fixture(scope="session")
def frames(core: Tables) -> Tables:
    """The marts of the asset, with nothing published before."""
    return compute_asset(core)
