"""The state of the development registry and the rules of Confluent's registry for changing it.

In memory, for one process; devfile.py keeps it in a file. Nothing here is safe to call from two threads at once: the
server holds a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from registry.compatibility import Level
from registry.devmodel import ApiError, Schema, Version
from registry.devschemas import Schemas
from registry.devscope import Mode, Scope

LATEST: Final = -1


class DevStore:
    """Subjects, their versions, and the compatibility level and mode of each."""

    def __init__(self) -> None:
        self.levels = Scope(Level.BACKWARD)
        self.modes = Scope(Mode.READWRITE)
        self._schemas = Schemas(self._version)
        self._subjects: dict[str, dict[int, Version]] = {}
        self._last_id = 0

    def restore(self, last_id: int, versions: Iterable[Version]) -> None:
        """Takes over what another store had; this one has to be empty."""
        self._last_id = last_id
        for each in versions:
            self._subjects.setdefault(each.subject, {})[each.number] = each

    @property
    def last_id(self) -> int:
        """The largest id ever given."""
        return self._last_id

    # Reading

    def all_versions(self, *, deleted: bool) -> Iterator[Version]:
        """Every version of every subject, in order; soft-deleted ones only if asked for."""
        for _, versions in sorted(self._subjects.items()):
            yield from (each for _, each in sorted(versions.items()) if deleted or not each.deleted)

    def versions(self, subject: str, *, deleted: bool) -> list[Version]:
        """The versions of a subject, ascending. 40401 when there are none."""
        found = self._versions(subject, deleted=deleted)
        if not found:
            raise ApiError(40401, f"Subject '{subject}' not found.")
        return found

    def version(self, subject: str, number: int, *, deleted: bool) -> Version:
        """One version, or the `LATEST` live one. 40401, 40402."""
        found = self._version(subject, number, deleted=deleted)
        if found is None:
            self.versions(subject, deleted=deleted)
            raise ApiError(40402, f"Version {number} not found.")
        return found

    def with_id(self, schema_id: int) -> list[Version]:
        """The versions that carry an id, soft-deleted ones too. 40403 when there are none."""
        found = [each for each in self.all_versions(deleted=True) if each.id == schema_id]
        if not found:
            raise ApiError(40403, f"Schema {schema_id} not found")
        return found

    def with_guid(self, guid: str) -> list[Version]:
        """The versions whose schema has a GUID, soft-deleted ones too. 40403 when there are none."""
        found = [each for each in self.all_versions(deleted=True) if each.schema.guid() == guid.lower()]
        if not found:
            raise ApiError(40403, f"Schema {guid} not found")
        return found

    def referenced_by(self, version: Version) -> list[int]:
        """The ids of live schemas that refer to this version."""
        return sorted(
            {
                each.id
                for each in self.all_versions(deleted=False)
                for reference in each.schema.references
                if (reference.subject, reference.version) == (version.subject, version.number)
            }
        )

    def lookup(self, subject: str, schema: Schema, *, normalize: bool, deleted: bool) -> Version:
        """The version of the subject that is this schema. 40401, 40403, 42201."""
        spelled = self._schemas.valid(schema, normalize=normalize)
        versions = self.versions(subject, deleted=deleted)
        found = _match(spelled, versions, normalize=normalize)
        if found is None:
            found = _match(_inheriting(spelled, versions), versions, normalize=normalize)
        if found is None:
            raise ApiError(40403, "Schema not found")
        return found

    # Registering

    def register(
        self,
        subject: str,
        schema: Schema,
        *,
        normalize: bool = False,
        schema_id: int | None = None,
        number: int | None = None,
    ) -> Version:
        """The version of the subject that is this schema, a new one if need be.

        What a request leaves out of metadata and rules is inherited from the latest version. A given id, and a
        number of one's choice, need mode IMPORT, which checks no compatibility. 409, 42201, 42205.
        """
        live = self._versions(subject, deleted=False)
        if not schema.text.strip() and live:  # only the metadata or the rules are to change
            last = live[-1].schema
            schema = replace(last, metadata=schema.metadata, rule_set=schema.rule_set)
        spelled = self._schemas.valid(schema, normalize=normalize)
        if number is None:
            found = _match(spelled, live, normalize=normalize)
            if found is not None and schema_id in (None, found.id):
                return found
        importing = self._check_mode(subject, schema_id)
        if not importing:
            spelled = _inheriting(spelled, live)
            found = _match(spelled, live, normalize=normalize)
            if found is not None and number is None:
                return found
            self._check_compatible(subject, spelled, live)
        return self._add(subject, spelled, schema_id, self._number(subject, number, importing=importing))

    def incompatibilities(self, subject: str, schema: Schema, earlier: Sequence[Version]) -> list[str]:
        """Why the subject's level forbids this schema after those versions, in the API's words. 42201."""
        return self._schemas.incompatibilities(Level(self.levels.of(subject)), schema, earlier)

    # Deleting

    def delete_version(self, subject: str, number: int, *, permanent: bool) -> int:
        """Deletes a version, softly first and then for good, and gives its number. 40401 to 40407, 42205, 42206."""
        version = self.version(subject, number, deleted=True)
        if version.deleted and not permanent:
            raise ApiError(
                40406,
                f"Subject '{subject}' Version {number} was soft deleted. Set permanent=true to delete permanently",
            )
        self._check_writable(subject)
        self._check_unreferenced(version)
        if permanent and not version.deleted:
            raise ApiError(
                40407, f"Subject '{subject}' Version {number} was not deleted first before being permanently deleted"
            )
        self._delete([version], permanent=permanent)
        return version.number

    def delete_subject(self, subject: str, *, permanent: bool) -> list[int]:
        """Deletes a subject with all versions, softly first and then for good, and gives their numbers."""
        every = self.versions(subject, deleted=True)
        live = [each for each in every if not each.deleted]
        if not live and not permanent:
            raise ApiError(40404, f"Subject '{subject}' was soft deleted. Set permanent=true to delete permanently")
        self._check_writable(subject)
        doomed = every if permanent else live
        for each in doomed:
            self._check_unreferenced(each)
        if permanent and live:
            raise ApiError(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")
        self._delete(doomed, permanent=permanent)
        return [each.number for each in doomed]

    # Rules

    def _versions(self, subject: str, *, deleted: bool) -> list[Version]:
        versions = self._subjects.get(subject, {})
        return [each for _, each in sorted(versions.items()) if deleted or not each.deleted]

    def _version(self, subject: str, number: int, *, deleted: bool = True) -> Version | None:
        if number == LATEST:
            return next(reversed(self._versions(subject, deleted=False)), None)
        found = self._subjects.get(subject, {}).get(number)
        return found if found is not None and (deleted or not found.deleted) else None

    def _check_mode(self, subject: str, schema_id: int | None) -> bool:
        """Whether the subject is in mode IMPORT; 42205 when its mode and the request do not go together."""
        self._check_writable(subject)
        importing = self.modes.of(subject) == Mode.IMPORT
        if schema_id is not None and not importing:
            raise ApiError(42205, f"Subject {subject} is not in import mode")
        if schema_id is None and importing:
            raise ApiError(42205, f"Subject {subject} is not in read-write mode")
        return importing

    def _check_writable(self, subject: str) -> None:
        if self.modes.of(subject) == Mode.READONLY:
            raise ApiError(42205, f"Subject {subject} is in read-only mode")

    def _check_compatible(self, subject: str, schema: Schema, live: list[Version]) -> None:
        problems = self.incompatibilities(subject, schema, live)
        if problems:
            raise ApiError(
                409,
                f'Schema being registered is incompatible with an earlier schema for subject "{subject}", '
                f"details: [{', '.join(problems)}]",
            )

    def _check_unreferenced(self, version: Version) -> None:
        if self.referenced_by(version):
            place = f"{{subject={version.subject},version={version.number}}}"
            raise ApiError(42206, f"One or more references exist to the schema {place}.")

    def _number(self, subject: str, number: int | None, *, importing: bool) -> int:
        following = max(self._subjects.get(subject, {}), default=0) + 1
        if number not in (None, following) and not importing:
            raise ApiError(42201, "Version is not one more than previous version")
        return number or following

    def _add(self, subject: str, schema: Schema, schema_id: int | None, number: int) -> Version:
        identity = schema.identity()
        same = [each for each in self.all_versions(deleted=True) if each.schema.identity() == identity]
        taken = any(each.id == schema_id for each in self.all_versions(deleted=True))
        if taken and all(each.id != schema_id for each in same):
            raise ApiError(42205, f"Overwrite new schema with id {schema_id} is not permitted.")
        following = same[0].id if same else self._last_id + 1
        chosen = following if schema_id is None else schema_id
        self._last_id = max(self._last_id, chosen)
        versions = self._subjects.setdefault(subject, {})
        for old in [each for each in versions.values() if each.deleted and each.id == chosen]:
            del versions[old.number]  # registered again: the new number takes the old one's place
        versions[number] = Version(subject, number, chosen, schema)
        return versions[number]

    def _delete(self, doomed: list[Version], *, permanent: bool) -> None:
        for each in doomed:
            if permanent:
                del self._subjects[each.subject][each.number]
            else:
                each.deleted = True
        for subject in {each.subject for each in doomed}:
            if not self._versions(subject, deleted=False):
                self.levels.clear(subject)
                self.modes.clear(subject)


def _match(schema: Schema, versions: list[Version], *, normalize: bool) -> Version | None:
    identity = schema.identity()
    for each in reversed(versions):
        stored = each.schema.spelled(normalize=True) if normalize else each.schema
        if stored.identity() == identity:
            return each
    return None


def _inheriting(schema: Schema, versions: list[Version]) -> Schema:
    if not versions:
        return schema
    latest = versions[-1].schema
    return replace(
        schema,
        metadata=latest.metadata if schema.metadata is None else schema.metadata,
        rule_set=latest.rule_set if schema.rule_set is None else schema.rule_set,
    )
