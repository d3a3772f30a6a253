# SPDX-License-Identifier: MIT
"""Holds the JSON Schemas, the examples, the documentation and the program against each other.

RDVTASK in the environment is the program's path, or the words that start it; without it, only what needs no program is checked.
"""

import contextlib
import glob
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest

import tap

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "test", "data", "documents")
RDVTASK = os.environ.get("RDVTASK")
PATIENCE = float(os.environ.get("RDVTASK_TEST_PATIENCE", "1"))
COMMAND = [RDVTASK] if not RDVTASK or os.path.exists(RDVTASK) else shlex.split(RDVTASK)

needs_jsonschema = unittest.skipUnless(Draft202012Validator, "needs python3-jsonschema")
needs_program = unittest.skipUnless(RDVTASK, "needs RDVTASK")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def schema(kind):
    return json.loads(read(os.path.join(ROOT, "doc", "schema", kind + ".schema.json")))


def faults(kind, document):
    """What a schema has against a document."""
    return [fault.message[:200] for fault in Draft202012Validator(schema(kind)).iter_errors(document)]


def kind_of(document):
    if isinstance(document, dict) and "handlers" in document:
        return "agent"
    if isinstance(document, dict) and "version" in document:
        return "entry"
    return "schedule"


def documents(folder):
    """The documents of a folder of test data, by the kind that their names begin with."""
    paths = sorted(glob.glob(os.path.join(DATA, folder, "*.json")))
    assert paths, folder
    return [(path, os.path.basename(path).split("-")[0]) for path in paths]


def examples():
    paths = sorted(glob.glob(os.path.join(ROOT, "examples", "**", "*.json"), recursive=True))
    assert len(paths) >= 5, len(paths)
    return paths


def blocks():
    """The JSON in doc/documents.md: (line, text)."""
    text = read(os.path.join(ROOT, "doc", "documents.md")).decode()
    found = [(text.count("\n", 0, match.start()) + 1, match[1]) for match in re.finditer(r"```json\n(.*?)```", text, re.S)]
    assert len(found) >= 3, len(found)
    return found


@contextlib.contextmanager
def about(what):
    """Let a failure inside say what it is about."""
    try:
        yield
    except AssertionError as failure:
        raise AssertionError(f"{what}: {failure}") from None


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60 * PATIENCE)


@needs_jsonschema
class Schemas(unittest.TestCase):
    def test_each_schema_is_a_schema(self):
        for kind in ("agent", "schedule", "entry"):
            Draft202012Validator.check_schema(schema(kind))

    def test_each_description_ends_like_a_sentence(self):
        def walk(value):
            if isinstance(value, dict):
                if isinstance(value.get("description"), str):
                    self.assertTrue(value["description"].endswith("."), value["description"])
                for inner in value.values():
                    walk(inner)
            elif isinstance(value, list):
                for inner in value:
                    walk(inner)

        for kind in ("agent", "schedule", "entry"):
            walk(schema(kind))

    def test_the_schemas_take_every_example(self):
        for path in examples():
            with about(path):
                document = json.loads(read(path))
                self.assertEqual(faults(kind_of(document), document), [])

    def test_the_schemas_take_what_the_documentation_shows(self):
        shown = set()
        for line, text in blocks():
            with about(line):
                document = json.loads(text)
                shown.add(kind_of(document))
                self.assertEqual(faults(kind_of(document), document), [])
        self.assertEqual(shown, {"agent", "schedule", "entry"})

    def test_the_schemas_take_what_is_right(self):
        for path, kind in documents("accepted"):
            with about(path):
                self.assertEqual(faults(kind, json.loads(read(path))), [])

    def test_the_schemas_refuse_what_is_wrong(self):
        for path, kind in documents("refused"):
            with about(path):
                self.assertNotEqual(faults(kind, json.loads(read(path))), [])

    def test_what_only_the_program_can_refuse_is_known(self):
        for path, kind in documents("stricter"):
            with about(path):
                self.assertEqual(faults(kind, json.loads(read(path))), [])

    def test_the_schema_refuses_entries_that_contradict_themselves(self):
        good = next(json.loads(text) for _, text in blocks() if kind_of(json.loads(text)) == "entry")
        self.assertEqual(good["state"], "finished")
        for change in (
            {"state": "running"},
            {"outcome": None},
            {"finished_at": None},
            {"finished_at": "2026-11-22T03:00:00+01:00"},
            {"finished_at": "2026-11-22T03:00:00.50Z"},
            {"status": "done"},
            {"progress": 101},
            {"progress": "40"},
            {"version": 2},
        ):
            with about(change):
                self.assertNotEqual(faults("entry", {**good, **change}), [])
        for member in schema("entry")["required"]:
            with about(member):
                self.assertNotEqual(faults("entry", {key: good[key] for key in good if key != member}), [])


@needs_program
class Program(unittest.TestCase):
    def test_the_program_takes_every_example(self):
        for path in examples():
            with about(path):
                done = run("validate", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_program_takes_what_the_documentation_shows(self):
        for line, text in blocks():
            if kind_of(json.loads(text)) == "entry":
                continue
            with about(line), tempfile.NamedTemporaryFile(suffix=".json") as file:
                file.write(text.encode())
                file.flush()
                done = run("validate", file.name)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_program_takes_what_is_right(self):
        for path, kind in documents("accepted"):
            with about(path):
                done = run("validate", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(kind, done.stdout)

    def test_the_program_says_where_a_document_is_wrong(self):
        expected = {}
        for line in read(os.path.join(DATA, "expected.txt")).decode().splitlines():
            expected[line.split(":")[0]] = line
        for folder in ("refused", "stricter", "malformed"):
            for path, _ in documents(folder):
                name = f"{folder}/{os.path.basename(path)}"
                with about(name):
                    done = run("validate", path)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertEqual(done.stderr.count("\n"), 1)
                    said = done.stderr.replace(DATA + os.sep, "", 1)
                    self.assertEqual(said[: len(expected[name])], expected[name])
        self.assertEqual(len(expected), sum(len(documents(folder)) for folder in ("refused", "stricter", "malformed")))

    def test_of_several_files_each_is_told_of(self):
        good, bad = documents("accepted")[0][0], documents("refused")[0][0]
        done = run("validate", bad, good, bad)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(bad + ":"), 2)
        self.assertIn(good, done.stdout)


@needs_program
@needs_jsonschema
class Output(unittest.TestCase):
    """Entries as the program really writes them."""

    AGENT = {
        "handlers": [
            {"label": "good", "steps": [{"run": ["echo", "caf\u00e9 \u001b[1m"], "status": "searching"}]},
            {"label": "bad", "steps": [{"run": ["false"]}]},
        ]
    }
    SCHEDULE = {
        "tasks": [
            {"label": "good", "identifier": "one", "deadline": "+1h", "limit": "90m", "context": "abc"},
            {"label": "bad", "identifier": "two \u00e9", "start": "-1h", "end": "+1h"},
            {"label": "good", "identifier": "late", "start": "-2h", "end": "-1h"},
            {"label": "nobody's", "identifier": "unknown"},
        ]
    }

    def check(self, entry):
        self.assertEqual(faults("entry", entry), [], entry)

    def test_the_schema_takes_every_entry_that_the_program_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            def write(name, document):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(document, file)
                return path

            store = os.path.join(folder, "store.db")
            agent, schedule = write("agent.json", self.AGENT), write("schedule.json", self.SCHEDULE)
            done = run("schedule", schedule, "--store", store)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = run("list", "--json", "--store", store)
            self.assertEqual(done.returncode, 0, done.stderr)
            entries = json.loads(done.stdout)
            self.assertEqual(len(entries), 4)
            for entry in entries:
                self.check(entry)
                self.assertEqual(entry["state"], "pending")
            done = run("run", "--once", "--json", "--config", agent, "--store", store, "--clock-wait", "0s")
            self.assertEqual(done.returncode, 1, done.stderr)
            lines = done.stdout.splitlines()
            self.assertGreaterEqual(len(lines), 4)
            for line in lines:
                self.check(json.loads(line))
            done = run("history", "--json", "--store", store)
            self.assertEqual(done.returncode, 0, done.stderr)
            entries = {entry["identifier"]: entry for entry in json.loads(done.stdout)}
            for entry in entries.values():
                self.check(entry)
                self.assertIn("changes", entry)
            self.assertEqual(
                {identifier: entry["outcome"] for identifier, entry in entries.items()},
                {"one": "succeeded", "two \u00e9": "failed", "late": "expired", "unknown": "failed"},
            )
            self.assertEqual(entries["one"]["limit"], "1h30m")
            self.assertEqual(entries["one"]["context_size"], 3)


if __name__ == "__main__":
    tap.main()
