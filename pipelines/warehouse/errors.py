"""Errors of the warehouse: what is locked, missing, refused or damaged, and the next step.

Lives here: the typed errors that this room raises. Stays out: the base and the exit codes (`contracts.errors`).
"""

from __future__ import annotations

from pipelines.contracts.errors import CawError, ExitCode


class LockedError(CawError):
    """Another run holds the writer's lock."""

    exit_code = ExitCode.LOCKED


class BuildMissingError(CawError):
    """There is no build file yet, or a table that the step reads is not in it."""

    exit_code = ExitCode.USAGE


class ContractError(CawError):
    """A table does not have the columns, types or non-null values that its contract promises."""

    exit_code = ExitCode.BUG


class PublishRefusedError(CawError):
    """A gate has no stored pass for the build as it is now."""

    exit_code = ExitCode.GATE_FAILED


class PublishConflictError(CawError):
    """Another version was published, or served, while this one was being written."""

    exit_code = ExitCode.LOCKED


class DiskFullError(CawError):
    """There is not enough room to write a version."""

    exit_code = ExitCode.RESOURCE


class NothingPublishedError(CawError):
    """No version is served yet."""

    exit_code = ExitCode.USAGE


class VersionMissingError(CawError):
    """No such version is kept."""

    exit_code = ExitCode.USAGE


class VersionDamagedError(CawError):
    """A published file is not what its manifest says, or the pointer cannot be read."""

    exit_code = ExitCode.BUG


class QueryError(CawError):
    """A statement that the published warehouse does not answer."""

    exit_code = ExitCode.USAGE
