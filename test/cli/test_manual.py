# SPDX-License-Identifier: MIT
"""The manual pages against what they describe: the verbs and options of the program, the members of documents, and themselves."""
import functools
import json
import os
import re
import shutil
import subprocess
import unittest

import tap
from program import RDVTASK

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MANUAL = os.path.join(ROOT, "doc", "man")
PAGES = sorted(os.listdir(MANUAL))
SCHEMAS = os.path.join(ROOT, "doc", "schema")


def source(page):
    with open(os.path.join(MANUAL, page), encoding="utf-8") as file:
        return file.read()


def section(page, name):
    """The source of a section (.Sh) of a page."""
    parts = re.split(r"(?m)^\.Sh (.*)$", source(page))
    return dict(zip(parts[1::2], parts[2::2]))[name]


@functools.lru_cache(maxsize=None)
def help_of(*arguments):
    return subprocess.run([RDVTASK, *arguments, "--help"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def verbs():
    text = help_of().split("Verbs:\n", 1)[1].split("\n\n", 1)[0]
    return [line.split()[0] for line in text.splitlines()]


def options_of_verb(verb):
    """{name: what its value is called, or None} of a verb, as its help has it."""
    found = {}
    for line in help_of(verb).split("\nOptions:\n", 1)[1].splitlines():
        match = re.match(r"^  (?:-(\w), )?--([a-z-]+)(?: \[?([A-Z]+)\]?)?(?: |$)", line)
        if match:
            found[match.group(2)] = match.group(3)
    return found


def options_in_page():
    """{name: (what its value is called, its paragraph)} in rdvtask(1)."""
    found = {}
    items = re.split(r"(?m)^\.It ", section("rdvtask.1", "OPTIONS"))[1:]
    for item in items:
        head, text = item.split("\n", 1)
        match = re.search(r"Fl -([a-z-]+)(?: (?:Op )?Ar (\w+))?$", head)
        found[match.group(1)] = (match.group(2), text)
    return found


class Program(unittest.TestCase):
    maxDiff = None

    def test_rdvtask_1_has_the_verbs_that_the_program_has(self):
        found = re.findall(r"(?m)^\.It Cm ([a-z-]+)", section("rdvtask.1", "VERBS"))
        self.assertEqual(sorted(set(found)), sorted(verbs()))

    def test_rdvtask_1_has_each_verb_in_its_synopsis(self):
        found = set()
        for line in re.findall(r"(?m)^\.Cm (.*)$", section("rdvtask.1", "SYNOPSIS")):
            found.update(word.strip() for word in line.split("|"))
        self.assertEqual(sorted(found), sorted(verbs()))

    def test_rdvtask_1_has_the_options_that_the_program_has(self):
        known = {}
        for verb in verbs():
            if verb != "help":
                known.update(options_of_verb(verb))
        found = {name: value for name, (value, _) in options_in_page().items()}
        self.assertEqual(found, known)

    def test_options_are_said_to_be_of_the_verbs_that_take_them(self):
        text = section("rdvtask.1", "OPTIONS")
        heads = re.split(r"(?m)^\.Ss (.*)$", text)
        for head, body in zip(heads[1::2], heads[2::2]):
            if not head.startswith("For "):
                continue
            names = [re.search(r"Fl -([a-z-]+)(?: (?:Op )?Ar \w+)?$", line).group(1) for line in re.findall(r"(?m)^\.It (.*)$", body)]
            for name in names:
                paragraph = options_in_page()[name][1]
                takers = {verb for verb in verbs() if verb != "help" and name in options_of_verb(verb)}
                with self.subTest(option=name):
                    if head == "For every verb":
                        missing = {verb for verb in verbs() if verb != "help"} - takers
                        said = set(re.findall(r"(?m)^\.Cm ([a-z-]+)", (paragraph + "Not for").split("Not for", 2)[1]))
                        self.assertEqual(missing, said)
                    elif re.search(r"(?m)^\.Cm \w+ :$", paragraph):
                        self.assertEqual(takers, set(re.findall(r"(?m)^\.Cm (\w+) :$", paragraph)))
                    else:
                        said = set(head.replace(" and ", " ").split()[1:])
                        if "Also for" in paragraph:
                            said |= set(re.findall(r"(?m)^\.Cm ([a-z-]+)", paragraph.split("Also for", 1)[1]))
                        self.assertEqual(takers, said)

    def test_exit_codes_are_those_that_the_program_names(self):
        text = help_of().rsplit("Exit:", 1)[1]
        known = re.findall(r"(?:^|, |,\n)\s*(\d+) ", " " + text.strip())
        found = re.findall(r"(?m)^\.It (\d+)$", section("rdvtask.1", "EXIT STATUS"))
        self.assertEqual(found, known)


class Documents(unittest.TestCase):
    def properties(self, schema):
        """All names of properties in a schema, at any depth."""
        with open(os.path.join(SCHEMAS, schema), encoding="utf-8") as file:
            todo, found = [json.load(file)], set()
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                found.update(value.get("properties", {}))
                todo.extend(value.values())
            elif isinstance(value, list):
                todo.extend(value)
        return found

    def described(self, page):
        return set(re.findall(r"(?m)^\.It Sy (.*)$", source(page))) | set(re.findall(r"(?m)^\.Sy (\S+)", source(page)))

    def test_rdvtask_agent_5_has_each_member_of_an_agent_document(self):
        described = {name for line in self.described("rdvtask-agent.5") for name in re.findall(r"[$\w]+", line)}
        self.assertEqual(self.properties("agent.schema.json") - described, set())

    def test_rdvtask_schedule_5_has_each_member_of_a_schedule(self):
        described = {name for line in self.described("rdvtask-schedule.5") for name in re.findall(r"[$\w]+", line)}
        missing = self.properties("schedule.schema.json") - described
        self.assertEqual(missing - {"base64", "json"}, set())  # forms of a context, which stand in its paragraph
        for form in ("base64", "json"):
            self.assertIn("Qq " + form, source("rdvtask-schedule.5"))

    def test_rdvtask_1_has_each_member_of_an_entry(self):
        items = re.findall(r"(?m)^\.It (.*)$", section("rdvtask.1", "OUTPUT"))
        described = {name for line in items for name in re.findall(r"\w+", line)}
        with open(os.path.join(SCHEMAS, "entry.schema.json"), encoding="utf-8") as file:
            text = file.read()
        for name in json.loads(text).get("required", []) or re.findall(r'"(\w+)": \{', text):
            self.assertIn(name, described)

    def test_examples_in_the_pages_are_right(self):
        for page in PAGES:
            for number, text in enumerate(re.findall(r"(?ms)^\.Bd -literal -offset indent\n(\{.*?)^\.Ed", source(page))):
                name = os.path.join(os.environ.get("TMPDIR", "/tmp"), "rdvtask-manual-%d-%d.json" % (os.getpid(), number))
                if '"handlers"' not in text and '"tasks"' not in text:
                    continue
                with self.subTest(page=page), open(name, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    done = subprocess.run([RDVTASK, "validate", name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
                    os.unlink(name)
                    self.assertEqual(done.returncode, 0, done.stderr)


class Protocol(unittest.TestCase):
    def in_file(self, *path):
        with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
            return file.read()

    def test_rdvtask_control_7_has_the_methods_that_there_are_and_says_which_only_read(self):
        table = self.in_file("lib", "control", "methods.c").split("methods[] = {", 1)[1].split("};", 1)[0]
        parts = re.split(r"(?m)^\.Ss (.*)$", section("rdvtask-control.7", "DESCRIPTION"))
        for head, reads in (("Methods that read", True), ("Methods that change something", False)):
            body = dict(zip(parts[1::2], parts[2::2]))[head]
            found = [name for line in re.findall(r"(?m)^\.It Sy (.*)$", body) for name in re.findall(r"\w+", line)]
            known = [name for name, rest in re.findall(r'\{"(\w+)",(.*)\}', table) if (".reads = true" in rest) == reads]
            self.assertEqual(sorted(found), sorted(known))

    def test_its_bounds_are_those_of_the_header(self):
        header, text = self.in_file("include", "rdvtask", "control.h"), source("rdvtask-control.7")
        self.assertIn("#define RDV_CONTROL_LINE_MAX RDV_DOCUMENT_MAX", header)
        self.assertIn("at most 64 MiB, as a document has", text)
        self.assertIn("#define RDV_CONTROL_READER_LINE_MAX (64 * 1024)", header)
        self.assertIn("one of the reader group 64 KiB", text)
        self.assertIn("#define RDV_CONTROL_CLIENTS 256", header)
        self.assertIn("at most 256 clients", text)
        self.assertIn("#define RDV_CONTROL_QUEUE_MAX (4 * 1024 * 1024)", header)
        self.assertIn("when 4 MiB wait", text)

    def test_its_error_numbers_are_those_of_the_header(self):
        header = self.in_file("include", "rdvtask", "base.h")
        numbers = dict(re.findall(r"X\((RDV_\w+), (-\d+),", header))
        items = re.findall(r"(?m)^\.It (-\d.*)\n(.*)$", section("rdvtask-control.7", "DESCRIPTION"))
        own = [(head.split(" , "), re.findall(r"RDV_\w+", text)) for head, text in items if "RDV_" in text]
        self.assertTrue(own)
        for heads, names in own:
            self.assertEqual([numbers[name] for name in names], heads)
        rpc = self.in_file("lib", "control", "rpc.h")
        for head, text in items:
            if "RDV_" not in text:
                self.assertIn("(%s)" % head, rpc)


class Pages(unittest.TestCase):
    def test_there_is_one_for_the_program_its_documents_and_its_protocol(self):
        self.assertEqual(PAGES, ["rdvtask-agent.5", "rdvtask-control.7", "rdvtask-schedule.5", "rdvtask.1"])

    def test_each_page_begins_as_its_name_says(self):
        for page in PAGES:
            name, number = page.rsplit(".", 1)
            self.assertIn(".Dt %s %s\n" % (name.upper(), number), source(page))
            self.assertIn(".Sh NAME\n.Nm %s\n.Nd " % name, source(page))

    def test_what_they_refer_to_is_there(self):
        for page in PAGES:
            for name, number in re.findall(r"(?m)^\.Xr (rdvtask\S*) (\d)", source(page)):
                self.assertIn("%s.%s" % (name, number), PAGES)

    def test_the_unit_refers_to_pages_that_are_there(self):
        with open(os.path.join(ROOT, "data", "rdvtask.service.in"), encoding="utf-8") as file:
            line = re.search(r"(?m)^Documentation=(.*)$", file.read()).group(1)
        for name, number in re.findall(r"man:([\w-]+)\((\d)\)", line):
            self.assertIn("%s.%s" % (name, number), PAGES)

    def test_a_formatter_has_nothing_to_say(self):
        mandoc, groff = shutil.which("mandoc"), shutil.which("groff")
        if not mandoc and not groff:
            self.skipTest("there is neither mandoc nor groff on this machine")
        for page in PAGES:
            path = os.path.join(MANUAL, page)
            command = [mandoc, "-T", "lint", "-W", "warning", path] if mandoc else [groff, "-mdoc", "-ww", "-z", "-Tutf8", path]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
            with self.subTest(page):
                self.assertEqual((done.stdout, done.returncode), ("", 0))

    def test_they_can_be_read_on_a_terminal_of_80_columns(self):
        groff = shutil.which("groff")
        if not groff:
            self.skipTest("there is no groff on this machine")
        for page in PAGES:
            text = subprocess.run([groff, "-mdoc", "-Tascii", "-P-c", "-P-b", "-P-u", "-P-o", os.path.join(MANUAL, page)],
                                  stdout=subprocess.PIPE, encoding="ascii", check=True).stdout
            with self.subTest(page):
                self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])


class Security(unittest.TestCase):
    def test_each_test_that_the_table_of_trust_names_is_there(self):
        with open(os.path.join(ROOT, "SECURITY.md"), encoding="utf-8") as file:
            table = file.read().split("## Who trusts whom", 1)[1].split("\n## ", 1)[0]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
        rows = rows[2:]
        self.assertGreater(len(rows), 10)
        text = ""
        for folder, _, names in os.walk(os.path.join(ROOT, "test")):
            for name in names:
                if name.endswith((".c", ".py")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        text += file.read()
        for row in rows:
            tests = re.findall(r"`(\w+)`", row[4])
            self.assertTrue(tests, row)
            for test in tests:
                self.assertRegex(text, r"START_TEST\(%s\)|def test_%s\(" % (test, test))


if __name__ == "__main__":
    tap.main()
