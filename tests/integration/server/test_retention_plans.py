"""How retention's search goes through the tables: by indexes alone, and past no file that went long ago."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event as sql_event

from server.retention.service import enforce
from tests.support.village import Village


def test_the_search_for_files_that_nothing_keeps_reads_by_indexes(village: Village) -> None:
    database = village.parts.database
    sent: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "NOT (EXISTS" in statement and "evidence_files" in statement:
            sent.append((statement, parameters))

    sql_event.listen(database.engine, "before_cursor_execute", note)
    try:
        enforce(village.parts, dry_run=True)
    finally:
        sql_event.remove(database.engine, "before_cursor_execute", note)
    statement, parameters = sent[0]
    with database.read() as session:
        connection = session.connection()
        explain = "EXPLAIN QUERY PLAN"
        if database.dialect == "postgresql":
            explain = "EXPLAIN"
            for way in ("seqscan", "bitmapscan", "sort"):  # of a handful of rows it would read all
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
    assert "ix_evidence_files_in_use" in plan
    assert "ix_evidence_references_sha256" in plan
    assert "SCAN evidence" not in plan  # SQLite's word for a whole table
    assert "Seq Scan on evidence_files" not in plan
    assert "TEMP B-TREE" not in plan
