# SPDX-License-Identifier: MIT
"""The verbs on the store: schedule, list, show, delete, history; without running anything."""
import json
import os
import re
import sqlite3
import stat
import subprocess

import tap
from program import PATIENCE, ProgramTest

ENTRY = {"version", "run", "change", "identifier", "label", "start", "end", "deadline", "limit", "context_size", "state",
         "status", "outcome", "attempt", "progress", "code", "message", "scheduled_at", "started_at", "finished_at",
         "cancelling"}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$")


class Schedule(ProgramTest):
    def test_a_label_is_recorded_with_an_identifier_of_its_own(self):
        out = self.rdvtask("schedule", "security-updates").stdout
        entry, = self.entries("list")
        self.assertRegex(entry["identifier"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(out, "scheduled %s (security-updates)\n" % entry["identifier"])

    def test_the_window_is_told_in_full(self):
        out = self.rdvtask("schedule", "a", "one", "--start", "2999-01-01T00:00:00.1234567+01:00",
                           "--deadline=2999-01-02T00:00:00Z").stdout
        self.assertEqual(out, "scheduled one (a): not before 2998-12-31T23:00:00.1234567Z, deadline 2999-01-02T00:00:00Z\n")

    def test_json_gives_the_entries_that_were_recorded(self):
        file = self.schedule_file([{"label": "a", "identifier": str(i)} for i in range(30)])
        lines = self.rdvtask("schedule", "--json", file).stdout.splitlines()
        self.assertEqual(len(lines), 30)
        self.assertIn('"identifier":"29"', lines[29])

    def test_quiet_says_nothing(self):
        result = self.rdvtask("schedule", "-q", "a")
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_many_tasks_are_told_in_few_lines(self):
        file = self.schedule_file([{"label": "a"}] * 100)
        lines = self.rdvtask("schedule", file).stdout.splitlines()
        self.assertEqual(len(lines), 21)
        self.assertEqual(lines[20], "and 80 more")

    def test_times_keep_their_full_precision(self):
        self.rdvtask("schedule", "a", "x", "--start", "2030-01-01T00:00:00.0000001Z", "--end=2030-01-01T00:00:00.1234567Z",
                     "--deadline", "9999-12-31T23:59:59.9999999Z")
        entry, = self.entries("list")
        self.assertEqual((entry["start"], entry["end"], entry["deadline"]),
                         ("2030-01-01T00:00:00.0000001Z", "2030-01-01T00:00:00.1234567Z", "9999-12-31T23:59:59.9999999Z"))

    def test_relative_times_count_from_one_moment(self):
        self.rdvtask("schedule", "a", "x", "--start", "+1h", "--end", "+1h", "--deadline", "+60m")
        entry, = self.entries("list")
        self.assertEqual(entry["start"], entry["end"])
        self.assertEqual(entry["start"], entry["deadline"])

    def test_a_pending_identifier_is_replaced(self):
        self.rdvtask("schedule", "a", "x")
        self.rdvtask("schedule", "b", "x", "--run-limit", "90m")
        entry, = self.entries("list")
        self.assertEqual((entry["label"], entry["limit"]), ("b", "1h30m"))
        self.assertEqual(self.history(), [])

    def test_an_argument_that_looks_like_a_file_is_one(self):
        self.rdvtask("schedule", "missing.json", code=1)
        self.rdvtask("schedule", "./missing", code=1)
        self.rdvtask("schedule", "--", "missing.json")
        self.rdvtask("schedule", "--", "a/b", "c.json")
        self.assertEqual({(e["label"], e["identifier"] == "c.json") for e in self.entries("list")},
                         {("missing.json", False), ("a/b", True)})

    def test_files_and_labels_are_not_mixed(self):
        file = self.schedule_file([{"label": "a"}])
        self.rdvtask("schedule", file, "label", code=64)
        self.rdvtask("schedule", "label", file, code=64)
        self.rdvtask("schedule", file, "--start", "+1h", code=64)
        self.assertFalse(os.path.exists(self.store))

    def test_a_label_that_is_also_a_file_is_noted(self):
        self.write("tasks", "{}")
        self.assertIn("./tasks", self.rdvtask("schedule", "tasks").stderr)
        self.assertEqual(self.rdvtask("schedule", "--quiet", "tasks").stderr, "")

    def test_a_document_is_taken_whole_or_not_at_all(self):
        tasks = [{"label": "a", "identifier": str(i)} for i in range(50)]
        bad = self.schedule_file(tasks + [{"label": ""}], "bad.json")
        result = self.rdvtask("schedule", bad, code=1)
        self.assertRegex(result.stderr, r"^%s:\d+:\d+ tasks\[50\]\.label: .+\n$" % bad)
        self.assertFalse(os.path.exists(self.store))

    def test_of_several_files_none_is_taken_if_one_is_wrong(self):
        good = self.schedule_file([{"label": "a"}], "good.json")
        bad = self.schedule_file([{"label": 7}], "bad.json")
        self.rdvtask("schedule", good, bad, code=1)
        self.assertEqual(self.entries("list"), [])
        self.rdvtask("schedule", good, good)
        self.assertEqual(len(self.entries("list")), 2)

    def test_an_agent_document_is_no_schedule(self):
        self.assertIn("agent document", self.rdvtask("schedule", self.agent(a=["true"]), code=1).stderr)

    def test_a_context_comes_from_the_line_a_file_or_standard_input(self):
        file = self.write("context", b"\0\xff" * 1000)
        self.rdvtask("schedule", "a", "1", "--context", "text")
        self.rdvtask("schedule", "a", "2", "--context-file", file)
        self.rdvtask("schedule", "a", "3", "--context-file", "-", input="12345")
        self.rdvtask("schedule", "a", "4", "--context", "")
        self.assertEqual({e["identifier"]: e["context_size"] for e in self.entries("list")},
                         {"1": 4, "2": 2000, "3": 5, "4": 0})

    def test_a_context_that_can_not_be_read_is_told(self):
        for file in (self.path("missing"), self.dir):
            self.assertIn(file, self.rdvtask("schedule", "a", "--context-file", file, code=1).stderr)
        self.assertFalse(os.path.exists(self.store))

    def test_a_context_has_a_limit(self):
        with open(self.path("large"), "wb") as file:
            file.truncate(16 * 1024 * 1024)
        self.rdvtask("schedule", "a", "x", "--context-file", self.path("large"))
        with open(self.path("large"), "ab") as file:
            file.write(b"x")
        self.assertIn("larger", self.rdvtask("schedule", "a", "--context-file", self.path("large"), code=1).stderr)
        self.assertEqual([e["context_size"] for e in self.entries("list")], [16 * 1024 * 1024])

    def test_contexts_are_never_shown(self):
        self.rdvtask("schedule", "a", "x", "--context", "hunter2")
        self.rdvtask("schedule", self.schedule_file([{"label": "a", "identifier": "y", "context": "hunter2"}]), "--json")
        for arguments in (["list"], ["list", "--json"], ["show", "x"], ["show", "x", "--json"], ["list", "-v"]):
            result = self.rdvtask(*arguments)
            self.assertNotIn("hunter2", result.stdout + result.stderr)

    def test_ten_thousand_tasks_of_one_file_are_listed_by_rule_2(self):
        tasks = []
        for i in range(10000):
            task = {"label": "a", "identifier": "t%05d" % i}
            if i % 7:
                task["deadline"] = "2030-01-01T00:%02d:00Z" % (i * 7919 % 60)
            if i % 5:
                task["start"] = "2029-01-01T%02d:00:00Z" % (i * 31 % 24)
            tasks.append(task)
        self.rdvtask("schedule", "-q", self.schedule_file(tasks))
        late = "9999"
        expected = sorted(range(10000), key=lambda i: (tasks[i].get("deadline", late), tasks[i].get("start", ""), i))
        self.assertEqual([entry["identifier"] for entry in self.entries("list")], ["t%05d" % i for i in expected])


class List(ProgramTest):
    def test_without_a_store_there_is_nothing_and_a_note(self):
        for verb in ("list", "history"):
            result = self.rdvtask(verb, "--json")
            self.assertEqual(result.stdout, "[]\n")
            self.assertIn("no store", result.stderr)
            self.assertEqual(self.rdvtask(verb, "--json", "--quiet").stderr, "")
            self.assertEqual(self.rdvtask(verb).stdout, "")
        self.assertFalse(os.path.exists(self.store))

    def test_in_an_empty_file_there_is_nothing_and_a_note(self):
        self.write("store.db", "")
        for verb in ("list", "history"):
            result = self.rdvtask(verb, "--json")
            self.assertEqual(result.stdout, "[]\n")
            self.assertIn("nothing has been stored yet", result.stderr)

    def test_an_empty_store_gives_an_empty_array(self):
        self.rdvtask("schedule", "a", "x")
        self.rdvtask("delete", "x")
        self.assertEqual(self.rdvtask("list", "--json").stdout, "[]\n")
        self.assertEqual(self.rdvtask("list").stdout, "")

    def test_json_has_the_documented_shape(self):
        self.rdvtask("schedule", "a", "x")
        entry, = self.entries("list")
        self.assertEqual(set(entry), ENTRY)
        self.assertEqual(entry["version"], 1)
        self.assertEqual((entry["state"], entry["status"], entry["outcome"]), ("pending", "unknown", None))
        self.assertRegex(entry["scheduled_at"], TIME)
        for name in ("start", "end", "deadline", "started_at", "finished_at", "progress"):
            self.assertIsNone(entry[name])

    def test_the_table_has_a_line_for_each(self):
        self.rdvtask("schedule", "a", "x", "--start", "2999-01-01T00:00:00Z")
        self.rdvtask("schedule", "b", "a longer identifier \u00e4\u4e2d")
        head, first, second = self.rdvtask("list").stdout.splitlines()
        self.assertRegex(head, r"^IDENTIFIER +LABEL +STATUS +START +END +DEADLINE +MESSAGE$")
        self.assertRegex(first, r"^a longer identifier \u00e4\u4e2d  b +pending +- +- +-$")
        self.assertRegex(second, r"^x +a +pending +2999-01-01T00:00:00Z +- +-$")

    def test_what_comes_from_outside_is_escaped(self):
        self.rdvtask("schedule", "la\x1b[2Jbel", "id\nentifier\u2028")
        out = self.rdvtask("list").stdout
        self.assertNotIn("\x1b", out)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("id\\nentifier\\u{2028}", out)

    def test_characters_that_are_not_seen_or_order_others_are_escaped(self):
        hidden = "\u200b\u200d\ufeff\u202a\u202e\u2066\u2069\u200e\u061c\u2028\u2029\u0085\u00ad\u2060\u180e\U000e0041"
        identifier = "a" + hidden + "z"
        self.rdvtask("schedule", "a", identifier)
        escaped = "a" + "".join("\\u{%x}" % ord(character) for character in hidden) + "z"
        for verb in (["list"], ["show", identifier], ["explain", identifier], ["delete", identifier]):
            self.assertIn(escaped, self.rdvtask(*verb).stdout, verb)
        self.assertIn(escaped, self.rdvtask("show", identifier[:-1] + "x", code=2).stderr.replace("x'", "z'"))
        # JSON has escapes of its own for all of them.
        text = self.rdvtask("history", "--json").stdout
        self.assertFalse(set(text) & set(hidden))
        self.assertEqual(json.loads(text)[0]["identifier"], identifier)


class Show(ProgramTest):
    def test_all_about_a_task_is_shown(self):
        self.rdvtask("schedule", "a", "x", "--context", "123", "--end", "2999-01-01T00:00:00Z", "--run-limit", "90s")
        out = self.rdvtask("show", "x").stdout
        for line in (r"identifier +x", r"label +a", r"status +pending", r"context +3 bytes", r"end +2999-01-01T00:00:00Z",
                     r"run limit +1m30s", r"scheduled +\d{4}-.*Z"):
            self.assertRegex(out, "(?m)^" + line + "$")

    def test_json_has_the_changes(self):
        self.rdvtask("schedule", "a", "x")
        entry = json.loads(self.rdvtask("show", "x", "--json").stdout)
        self.assertEqual(set(entry) - {"output"}, ENTRY | {"changes"})
        self.assertEqual(entry["changes"][0]["at"], entry["scheduled_at"])
        self.assertLessEqual({"at", "status", "message"}, set(entry["changes"][0]))

    def test_what_is_not_there_is_not_found(self):
        self.assertIn("no store", self.rdvtask("show", "x", code=2).stderr)
        self.rdvtask("schedule", "a", "x")
        result = self.rdvtask("show", "y", code=2)
        self.assertIn("'y'", result.stderr)
        self.assertEqual(result.stdout, "")
        self.rdvtask("show", b"\xff", code=2)
        self.rdvtask("show", "x" * 2000, code=2)

    def test_the_unfinished_one_comes_first_else_the_last(self):
        for label in "abc":
            self.rdvtask("schedule", label, "x")
            self.rdvtask("delete", "x")
        self.assertIn('"label":"c"', self.rdvtask("show", "x", "--json").stdout)
        self.rdvtask("schedule", "d", "x")
        self.assertIn('"label":"d"', self.rdvtask("show", "x", "--json").stdout)


class Delete(ProgramTest):
    def test_a_pending_task_is_cancelled_in_the_history(self):
        self.rdvtask("schedule", "a", "x")
        self.assertEqual(self.rdvtask("delete", "x").stdout, "deleted x\n")
        self.assertEqual(self.entries("list"), [])
        entry, = self.history()
        self.assertEqual((entry["outcome"], entry["status"]), ("cancelled", "failed"))

    def test_json_gives_the_entry_as_it_ended(self):
        self.rdvtask("schedule", "a", "x")
        entry = json.loads(self.rdvtask("delete", "x", "--json").stdout)
        self.assertEqual(entry["outcome"], "cancelled")

    def test_what_is_not_pending_is_not_found(self):
        self.assertIn("no store", self.rdvtask("delete", "x", code=2).stderr)
        self.assertFalse(os.path.exists(self.store))
        self.rdvtask("schedule", "a", "x")
        self.rdvtask("delete", "y", code=2)
        self.rdvtask("delete", "x")
        self.assertIn("'x'", self.rdvtask("delete", "x", code=2).stderr)
        self.rdvtask("delete", b"\xff", code=2)


class History(ProgramTest):
    def finish(self, *identifiers):
        for identifier in identifiers:
            self.rdvtask("schedule", "label", identifier, "-q")
            self.rdvtask("delete", identifier, "-q")

    def test_it_is_ordered_by_time(self):
        self.finish("c", "a", "b")
        self.assertEqual([entry["identifier"] for entry in self.history()], ["c", "a", "b"])
        lines = self.rdvtask("history").stdout.splitlines()
        self.assertEqual([re.split(" +", line)[1] for line in lines], ["IDENTIFIER", "c", "a", "b"])

    def test_json_has_the_documented_shape(self):
        self.finish("c")
        entry, = self.history()
        self.assertEqual(set(entry), ENTRY | {"changes"})
        self.assertEqual(entry["state"], "finished")
        self.assertEqual(entry["changes"][-1]["at"], entry["finished_at"])
        for change in entry["changes"]:
            self.assertRegex(change["at"], TIME)

    def test_one_identifier_may_be_asked_for(self):
        self.finish("a", "b", "a")
        self.assertEqual(len(self.history("a")), 2)
        self.assertEqual(self.rdvtask("history", "z", "--json").stdout, "[]\n")

    def test_a_limit_gives_the_last_ones(self):
        self.finish("a", "b", "c")
        self.assertEqual([entry["identifier"] for entry in self.history("--limit", "2")], ["b", "c"])


class Files(ProgramTest):
    def environment(self, **variables):
        return dict({"PATH": os.environ["PATH"], "TERM": "dumb"}, **variables)

    def test_the_store_and_its_folder_are_private(self):
        store = self.path("a/b/store.db")
        self.rdvtask("schedule", "a", "--store", store, "--context", "secret")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a/b")).st_mode), 0o700)
        for name in os.listdir(self.path("a/b")):
            self.assertEqual(stat.S_IMODE(os.stat(self.path("a/b/" + name)).st_mode) & 0o077, 0, name)

    def test_a_user_has_a_store_by_the_xdg_rules(self):
        user = self.unprivileged()
        for variables, place in (({"HOME": self.dir}, ".local/state/rdvtask/store.db"),
                                 ({"HOME": self.dir, "XDG_STATE_HOME": self.path("xdg")}, "xdg/rdvtask/store.db"),
                                 ({"HOME": self.path("h"), "XDG_STATE_HOME": "relative"}, "h/.local/state/rdvtask/store.db")):
            command = self.command("--version")[:1] + ["schedule", "a"]
            subprocess.run(command, env=self.environment(**variables), check=True, stdout=subprocess.DEVNULL, cwd=self.dir,
                           **user)
            self.assertTrue(os.path.exists(self.path(place)), place)

    def test_without_a_home_the_store_must_be_given(self):
        user = self.unprivileged()
        result = subprocess.run(self.command("--version")[:1] + ["list"], env=self.environment(), capture_output=True,
                                encoding="utf-8", **user)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--store", result.stderr)

    def test_a_file_that_is_no_store_is_refused_and_left_alone(self):
        self.write("store.db", "this is not a database, but a letter to my aunt\n" * 100)
        before = open(self.store, "rb").read()
        for arguments in (["list"], ["history"], ["show", "x"], ["schedule", "a"], ["delete", "x"]):
            result = self.rdvtask(*arguments, code=1)
            self.assertIn("store.db", result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual(open(self.store, "rb").read(), before)

    def test_a_folder_is_no_store(self):
        self.assertIn(self.dir, self.rdvtask("list", "--store", self.dir, code=1).stderr)
        self.assertIn(self.dir, self.rdvtask("schedule", "a", "--store", self.dir, code=1).stderr)

    def test_a_store_of_a_newer_version_is_refused(self):
        self.rdvtask("schedule", "a")
        connection = sqlite3.connect(self.store)
        connection.execute("PRAGMA user_version=1000")
        connection.close()
        self.assertIn("newer", self.rdvtask("list", code=1).stderr)
        self.assertIn("newer", self.rdvtask("schedule", "a", code=1).stderr)

    def test_a_store_that_may_not_be_written_is_told(self):
        user = self.unprivileged()
        os.mkdir(self.path("closed"), 0o755)
        os.chmod(self.path("closed"), 0o555)
        result = self.rdvtask("schedule", "a", "--store", self.path("closed/store.db"), code=1, **user)
        self.assertIn("closed", result.stderr)
        result = self.rdvtask("schedule", "a", "--store", self.path("closed/sub/store.db"), code=1, **user)
        self.assertIn("cannot make the directory", result.stderr)

    def test_an_agent_whose_store_was_removed_starts_nothing_and_ends_with_words(self):
        for names in (("store.db", "store.db-wal", "store.db-shm"), ("store.db-wal",)):
            document = self.write("agent.json", {"handlers": [{"label": "a", "steps": [{"run": ["true"]}]}]})
            agent = self.popen("run", "--config", document)
            self.wait_for(lambda: os.path.exists(self.path("store.db.sock")), "the socket")
            for name in names:
                os.remove(self.path(name))
            self.assertIn("removed or replaced", self.rdvtask("schedule", "a", "late", code=1).stderr)
            self.assertIn("removed or replaced while it was in use", agent.communicate(timeout=60 * PATIENCE)[1])
            self.assertEqual(agent.returncode, 1)
            self.programs.remove(agent)
            self.assertEqual(self.entries("history"), [])

    def test_a_full_disk_is_told_and_loses_nothing(self):
        os.mkdir(self.path("small"))
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", self.path("small")],
                                               stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a small file system can't be mounted here")
        try:
            store = self.path("small/store.db")
            self.rdvtask("schedule", "a", "first", "--store", store)
            with open(self.path("large"), "wb") as file:
                file.write(os.urandom(400 * 1024))
            result = self.rdvtask("schedule", "a", "second", "--store", store, "--context-file", self.path("large"), code=1)
            self.assertRegex(result.stderr, "space|full")
            self.assertNotIn("trying again", result.stderr)
            self.assertEqual(result.stdout, "")
            self.assertEqual([e["identifier"] for e in self.entries("list", "--store", store)], ["first"])
        finally:
            subprocess.run(["umount", self.path("small")], check=True)


class Output(ProgramTest):
    def test_a_full_device_as_output_is_a_failure(self):
        self.rdvtask("schedule", "a", "x")
        with open("/dev/full", "w") as full:
            for arguments in (["list"], ["list", "--json"], ["show", "x"], ["--help"], ["--version"],
                              ["validate", self.agent(a=["true"])], ["schedule", "a"]):
                result = self.rdvtask(*arguments, code=1, stdout=full)
                self.assertIn("cannot write to standard output: No space left on device", result.stderr)

    def test_a_closed_output_is_a_failure_and_no_file_is_hurt(self):
        self.rdvtask("schedule", "a", "x")
        for arguments, code in ((["list"], 1), (["list", "--json"], 1), (["schedule", "a", "y"], 1)):
            self.rdvtask(*arguments, code=code, stdout=None, preexec_fn=lambda: os.close(1))
        self.assertEqual({e["identifier"] for e in self.entries("list")}, {"x", "y"})

    def test_closed_descriptors_are_not_taken_for_others(self):
        def close():
            for fd in range(3):
                os.close(fd)
        self.rdvtask("schedule", "a", "x", "--quiet", stdin=None, stdout=None, stderr=None, preexec_fn=close)
        self.assertEqual([e["identifier"] for e in self.entries("list")], ["x"])
        self.rdvtask("schedule", "a", "y", "--context-file", "-", code=1, stdin=None, preexec_fn=lambda: os.close(0))

    def test_a_reader_that_goes_away_does_not_kill(self):
        self.rdvtask("schedule", "-q", self.schedule_file([{"label": "a" * 1000}] * 200))
        program = self.popen("list", "--json")
        program.stdout.read(1)
        program.stdout.close()
        self.assertEqual(program.wait(timeout=30 * PATIENCE), 0)
        self.assertEqual(program.stderr.read(), "")


if __name__ == "__main__":
    tap.main()
