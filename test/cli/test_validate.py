# SPDX-License-Identifier: MIT
"""The verb validate: what a document is, and where it is wrong."""
import os

import tap
from program import ProgramTest

SCHEDULE = {"tasks": [{"label": "a", "identifier": "one"}]}


class Validate(ProgramTest):
    def test_the_content_tells_which_kind_it_is(self):
        agent = self.agent("x.json", true=["true"])
        schedule = self.write("y", SCHEDULE)
        out = self.rdvtask("validate", agent, schedule).stdout
        self.assertEqual(out, agent + ": agent document, ok\n" + schedule + ": schedule document, ok\n")

    def test_quiet_says_nothing_of_what_is_right(self):
        result = self.rdvtask("validate", "--quiet", self.write("y.json", SCHEDULE))
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_trouble_is_told_with_file_line_column_path_and_words(self):
        bad = self.write("bad.json", '{\n  "tasks": [\n    { "label": "a",\n      "start": "tomorrow" }\n  ]\n}\n')
        result = self.rdvtask("validate", bad, code=1)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"^%s:4:16 tasks\[0\]\.start: .+\n$" % bad)

    def test_a_syntax_error_has_its_place(self):
        bad = self.write("bad.json", '{ "tasks": [ 01 ] }')
        self.assertRegex(self.rdvtask("validate", bad, code=1).stderr, r"^%s:1:1[45].*: .+\n$" % bad)

    def test_one_bad_file_of_several_is_enough(self):
        good = self.write("good.json", SCHEDULE)
        bad = self.write("bad.json", "{}")
        result = self.rdvtask("validate", good, bad, good, code=1)
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_documents_that_are_none_are_refused(self):
        for text in ("", " ", "[]", "null", "{", "{}", '{"tasks":{}}', '{"tasks":[],"tasks":[]}', '{"tasks":[],}',
                     '{"handlers":[],"tasks":[]}', '{"tasks":[{"label":"a","labell":"b"}]}', '{"tasks":[{"label":""}]}',
                     '{"tasks":[{"label":"a","identifier":"x"},{"label":"a","identifier":"x"}]}',
                     '{"tasks":[{"label":"a\\u0000"}]}', '{"tasks":[{"label":"\\ud800"}]}', b'{"tasks":[{"label":"\xff"}]}',
                     '{"tasks":[{"label":"%s"}]}' % ("x" * 1025), "[" * 100, '{"tasks":[]} x',
                     '{"tasks":[{"label":"a","start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}]}',
                     '{"handlers":[{"label":"a","steps":[{"run":"echo hello"}]}]}',
                     '{"handlers":[{"label":"a","steps":[{"run":[]}]}]}'):
            with self.subTest(text=text):
                result = self.rdvtask("validate", self.write("bad.json", text), code=1)
                self.assertRegex(result.stderr, r"^%s:\d+:\d+.*: .+\n$" % self.path("bad.json"))

    def test_files_that_can_not_be_read_are_named(self):
        for name in ("missing.json", ".", "missing/deeper.json"):
            result = self.rdvtask("validate", self.path(name), code=1)
            self.assertIn(self.path(name), result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_a_file_without_permission_is_named(self):
        user = self.unprivileged()
        os.chmod(self.write("secret.json", SCHEDULE), 0)
        result = self.rdvtask("validate", self.path("secret.json"), code=1, **user)
        self.assertIn(self.path("secret.json"), result.stderr)
        self.assertIn("ermission", result.stderr)

    def test_a_name_with_control_characters_is_escaped(self):
        result = self.rdvtask("validate", self.write("a\x1b[31m.json", "{}"), code=1)
        self.assertNotIn("\x1b", result.stderr)


if __name__ == "__main__":
    tap.main()
