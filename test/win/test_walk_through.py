# SPDX-License-Identifier: MIT
"""Types what doc/walk-through-com.md tells administrators to type, and compares the output with what the page shows.

RDVTASK and RDVTASK_WORKER are as in test_program.py, and RDVTASK_COM is the path of rdvtask-com.dll.
"""
import os
import re
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wine import COMMAND, DRIVE, WindowsTest  # noqa: E402
import tap  # noqa: E402

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "walk-through-com.md")
COM = os.environ.get("RDVTASK_COM", "rdvtask-com.dll")
FOLDERS = [os.path.join(DRIVE, *names) for names in (("ProgramData", "rdvtask"), ("Program Files", "rdvtask"))]

# What separates the output of one block from that of the next.
MARK = "-=- %d -=-"


def sections():
    """The blocks of the page as [kind, text, the text before it]."""
    with open(PAGE, encoding="utf-8") as file:
        parts = re.split(r"(?ms)^```(\w+)\n(.*?)^```\n", file.read())
    return list(zip(parts[1::3], parts[2::3], parts[0::3]))


def plain(line):
    """A line without what differs each time: times, and padding with blanks."""
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", line)
    line = re.sub(r"\b\d+(\.\d)?(ms|s)\b", "DURATION", line)
    return re.sub(r"\s+", " ", line).strip()


def matches(shown, line):
    """Whether a line of the page matches this one; "…" in it stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, plain(shown).split("…"))), plain(line)) is not None


class WalkThrough(WindowsTest):
    def setUp(self):
        super().setUp()
        for folder in FOLDERS:
            self.assertFalse(os.path.exists(folder), "left over: " + folder)
        for path in (COMMAND[-1], COM):
            shutil.copy(path, self.dir)

    def tearDown(self):
        for folder in FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
        super().tearDown()

    def type_all(self, blocks):
        """Run what the page says in the command prompt of Windows, and return what each block printed."""
        script = []
        for number, (kind, text, before) in enumerate(blocks):
            script.append("echo " + MARK % number)
            if kind == "bat":
                script += text.splitlines()
            elif kind == "json":
                self.write("file-%d" % number, text)
                script.append('copy /y file-%d "%s"' % (number, re.findall(r"`([^`]+\.json)`", before)[-1]))
        self.write("all.cmd", "\r\n".join(["@echo off", *script, "echo " + MARK % len(blocks)]) + "\r\n")
        out = self.shell("all.cmd", code=None)
        pieces = re.split(MARK.replace("%d", r"\d+") + r"\s*\n", out)
        self.assertEqual(len(pieces), len(blocks) + 2, out)
        return [piece.replace(socket.gethostname().upper(), "DESKTOP-17") for piece in pieces[1:-1]]

    def test_what_is_typed_gives_what_is_shown(self):
        blocks = sections()
        shown = [kind for kind, _, _ in blocks].count("text")
        self.assertGreaterEqual(shown, 8)
        outputs = self.type_all(blocks)
        for number, (kind, text, _) in enumerate(blocks):
            if kind != "text":
                continue
            lines = outputs[number - 1].splitlines()
            for line in text.splitlines():
                found = [at for at, printed in enumerate(lines) if matches(line, printed)]
                self.assertTrue(found, "%r is not in\n%s" % (line, outputs[number - 1]))
                lines = lines[found[0] + 1:]
        for folder in FOLDERS:
            self.assertFalse(os.path.exists(folder), folder)


if __name__ == "__main__":
    tap.main()
