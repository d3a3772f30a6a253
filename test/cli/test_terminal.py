# SPDX-License-Identifier: MIT
"""The live table, on a pseudo-terminal: a small screen of ours keeps what a person would see."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import tap
from program import PATIENCE, RDVTASK, ProgramTest


class Screen:
    """As much of a terminal as the table uses: lines, cursor up, erase below, cursor on and off, colours."""
    SEQUENCE = re.compile(r"\x1b\[(\??)(\d*)([A-Za-z])")
    BEGIN = re.compile(r"\x1b(\[\??\d*)?$")

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column = columns, [""], 0, 0
        self.cursor, self.colors, self.raw = True, set(), ""
        self.begun = ""  # what came of a sequence whose rest is still to come

    def put(self, character):
        if self.column == self.columns:
            self.row, self.column = self.row + 1, 0
        while len(self.lines) <= self.row:
            self.lines.append("")
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
        self.column += 1

    def feed(self, text):
        self.raw += text
        text = self.begun + text
        begun = self.BEGIN.search(text)
        self.begun = begun.group() if begun else ""
        text = text[:len(text) - len(self.begun)]
        at = 0
        while at < len(text):
            found = self.SEQUENCE.match(text, at)
            if found:
                self.control(*found.groups())
                at = found.end()
                continue
            if text[at] == "\r":
                self.column = 0
            elif text[at] == "\n":
                self.row += 1
                while len(self.lines) <= self.row:
                    self.lines.append("")
            else:
                assert text[at] >= " ", "a control character: %r" % text[at:at + 20]
                self.put(text[at])
            at += 1

    def control(self, private, number, letter):
        if private and number == "25":
            self.cursor = letter == "h"
        elif letter == "A":
            self.row = max(0, self.row - int(number or 1))
        elif letter == "J":
            del self.lines[self.row + 1:]
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "m":
            self.colors.add(number)
        else:
            raise AssertionError("an unknown sequence: " + letter)


class Terminal(ProgramTest):
    def start(self, *arguments, columns=100, rows=24, **variables):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        environment = dict(os.environ, TERM="xterm", **variables)
        environment.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
        self.screen = Screen(columns)
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        program = self.popen(*arguments, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        return program

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_once(self, seconds):
        """Feed the screen what there is within that time. Returns None if there is nothing, and false if the program has gone."""
        if not select.select([self.master], [], [], seconds)[0]:
            return None
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.screen.feed(self.decoder.decode(data))
        return bool(data)

    def read(self, until=None, seconds=60):
        """Feed the screen until it satisfies a condition, or the program has gone."""
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            if until and until():
                return
            if self.read_once(0.05) is False:
                break
        if until and not until():
            self.fail("waited in vain; the screen:\n" + "\n".join(self.screen.lines))

    def end(self, program):
        self.read()
        os.close(self.master)
        return program.wait(timeout=30 * PATIENCE)

    def shows(self, pattern):
        return lambda: any(re.search(pattern, line) for line in self.screen.lines)

    def rows(self, pattern):
        return [line for line in self.screen.lines if re.search(pattern, line)]

    def work(self, **more):
        """A task that shows its progress and waits for a file, `go`."""
        return self.agent(work=[{"status": "downloading", "run": [
            "sh", "-c", r"printf 'PROGRESS=42\nMESSAGE=half\n' >&3; while [ ! -e %s/go ]; do sleep 0.05; done" % self.dir]}],
            true=["true"], false=["false"], **more)

    def test_a_running_task_has_a_row_with_bar_and_message(self):
        tasks = self.schedule_file([{"label": "work", "identifier": "x", "deadline": "+1h", "end": "+2h"},
                                    {"label": "true", "identifier": "y", "start": "+1h"}])
        program = self.start("run", "--until", "+60s", "--config", self.work(), tasks)
        self.read(self.shows(r"^x +work +downloading +\[####------\] +42% closes in 1h59m +half"))
        self.read(self.shows(r"^y +true +pending +opens in 59m"))
        self.assertEqual(len(self.rows("^IDENTIFIER +LABEL +STATUS +PROGRESS +WINDOW +MESSAGE")), 1)
        self.read(self.shows("^1 running, 1 waiting, 0 succeeded, 0 not"))
        self.assertFalse(self.screen.cursor)
        self.write("go", "")
        self.read(self.shows(r"^x +work +succeeded .* took "))
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(program), 0)
        self.assertTrue(self.screen.cursor, "the cursor is back")
        self.assertEqual(len(self.rows("^x ")), 1)
        self.assertEqual(len(self.rows("^y ")), 1)

    def test_what_has_ended_stays_and_each_task_has_one_row(self):
        tasks = self.schedule_file([{"label": "false" if i % 10 == 3 else "true", "identifier": "t%03d" % i} for i in range(60)])
        program = self.start("run", "--once", "--config", self.work(), tasks, rows=10)
        self.assertEqual(self.end(program), 1)
        rows = self.rows(r"^t\d\d\d ")
        self.assertEqual([row.split()[0] for row in rows], ["t%03d" % i for i in range(60)])
        self.assertEqual(len([row for row in rows if "failed" in row]), 6)
        self.assertTrue(self.shows("^0 running, 0 waiting, 54 succeeded, 6 not")())

    def test_colours_are_used_unless_they_are_not_wanted(self):
        def colors(*options, **variables):
            tasks = self.schedule_file([{"label": "true"}, {"label": "false"}])
            self.end(self.start("run", "--once", "--config", self.work(), tasks, *options, **variables))
            return self.screen.colors
        self.assertLessEqual({"31", "32"}, colors())
        self.assertEqual(colors("--no-color"), set())
        self.assertEqual(colors(NO_COLOR="1"), set())

    def test_rows_fit_every_width(self):
        for columns in (200, 80, 50):
            tasks = self.schedule_file([{"label": "label " * 20, "identifier": "\u4e2d\u6587identifier" * 20}])
            program = self.start("run", "--once", "--config", self.agent(true=["true"]), tasks, columns=columns)
            self.assertEqual(self.end(program), 1)
            # Wide characters take two columns, and the screen here counts one.
            self.assertEqual(len(self.rows("^\u4e2d")), 1)
            for line in self.rows("^(\u4e2d|IDENTIFIER)"):
                self.assertLess(len(line) + len(re.findall("[\u4e00-\u9fff]", line)), columns)

    def test_a_narrower_terminal_leaves_no_remains(self):
        program = self.start("run", "--once", "--config", self.work(),
                             self.schedule_file([{"label": "work", "identifier": "x"}]), columns=120)
        self.read(self.shows("^x .*half"))
        # It draws once a second, and is stopped between: what it had drawn for the old width would come after the change.
        self.screen.raw = ""
        self.read(lambda: self.screen.raw.endswith(" not\r\n"))
        program.send_signal(signal.SIGSTOP)
        # What was drawn wraps in the narrower terminal: its rows are now two each.
        old = self.screen
        self.screen = Screen(60)
        self.screen.feed(old.lines[0].ljust(119) + "\r\n" + "".join(line + "\r\n" for line in old.lines[1:3]))
        wrapped = len(self.screen.lines)
        self.resize(60, 24)
        os.killpg(program.pid, signal.SIGWINCH)
        program.send_signal(signal.SIGCONT)
        self.read(lambda: "\x1b[" in self.screen.raw)
        self.write("go", "")
        self.assertEqual(self.end(program), 0)
        self.assertEqual(len(self.rows("^x ")), 1, (wrapped, self.screen.lines))

    def test_words_on_standard_error_do_not_break_the_table(self):
        program = self.start("run", "--once", "-v", "--config", self.work(),
                             self.schedule_file([{"label": "work", "identifier": "x"}]))
        self.read(self.shows("^x .*half"))
        program.send_signal(signal.SIGINT)
        self.assertEqual(self.end(program), 130)
        self.assertEqual(len(self.rows("once more to stop at once")), 1)
        self.assertEqual(len(self.rows("^x ")), 1)
        self.assertTrue(self.screen.cursor)

    def test_a_typed_interrupt_stops_it(self):
        program = self.start("start", "work", "x", "--config", self.work(), columns=100)
        self.read(self.shows("^x .*half"))
        program.send_signal(signal.SIGINT)
        self.assertEqual(self.end(program), 130)
        self.assertTrue(self.shows("^x +work +cancelled")())
        self.assertTrue(self.screen.cursor)

    def test_messages_are_escaped(self):
        agent = self.agent(evil=["sh", "-c", r"printf 'MESSAGE=a\033[2Jb\n' >&3"])
        program = self.start("run", "--once", "--config", agent, self.schedule_file([{"label": "evil", "identifier": "x"}]))
        self.assertEqual(self.end(program), 0)
        self.assertNotIn("\x1b[2J", self.screen.raw)

    def test_a_dumb_terminal_gets_lines(self):
        environment = dict(os.environ, TERM="dumb")
        self.master, slave = pty.openpty()
        program = subprocess.Popen([RDVTASK, "run", "--once", "--clock-wait", "0", "--store", self.store, "--config",
                                    self.work(), self.schedule_file([{"label": "true", "identifier": "x"}])],
                                   stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self.screen = Screen(200)
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.assertEqual(self.end(program), 0)
        self.assertNotIn("\x1b", self.screen.raw)
        self.assertTrue(self.shows("Z x true succeeded")())

    def test_nothing_is_drawn_while_nothing_happens(self):
        self.rdvtask("schedule", "true", "x", "--start", "+10m")
        program = self.start("run", "--config", self.work())
        self.read(self.shows(r"^x +true +pending +opens \d"))
        end = time.monotonic() + 20 * PATIENCE
        while self.read_once(2.5):
            self.assertLess(time.monotonic(), end, "it draws again and again")
        self.assertIsNone(program.poll())
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(program), 0)

    def test_list_and_history_fit_the_terminal(self):
        self.rdvtask("run", "--once", "-q", "--config", self.agent(false=["sh", "-c", "echo %s; false" % ("x" * 200)]), code=1,
                     *[self.schedule_file([{"label": "false", "identifier": "x"}])])
        program = self.start("history", columns=120)
        self.assertEqual(self.end(program), 0)
        self.assertEqual(len(self.rows("failed")), 1)
        self.assertIn("31", self.screen.colors)
        self.assertTrue(all(len(line) <= 120 for line in self.screen.lines))

    def test_a_watch_shows_what_runs_waits_and_has_ended_in_another_process(self):
        agent = self.agent(gate=["sh", "-c", "until [ -e %s ]; do sleep 0.05; done" % self.path("go")], quick=["true"])
        runner = self.popen("run", "-q", "--config", agent)
        self.wait_for_agent(runner)
        self.rdvtask("schedule", "gate", "first", "--deadline", "+1h")
        self.rdvtask("schedule", "quick", "second")
        program = self.start("watch")
        self.read(self.shows("^1 running, 1 waiting, 0 succeeded, 0 not"))
        self.read(self.shows("^first +gate +applying"))
        self.read(self.shows("^second +quick +pending"))
        self.rdvtask("pause")
        self.write("go", "")
        self.read(self.shows("^paused: 0 running, 1 waiting, 1 succeeded, 0 not"))
        self.rdvtask("resume")
        self.read(self.shows("^0 running, 0 waiting, 2 succeeded, 0 not"))
        program.send_signal(signal.SIGINT)
        self.assertEqual(self.end(program), 0)
        self.assertTrue(self.screen.cursor, "the cursor is back")
        self.assertEqual([len(self.rows("^%s " % name)) for name in ("first", "second")], [1, 1])
        self.assertEqual(len(self.rows("--after .* goes on from here")), 1)
        runner.terminate()
        self.assertEqual(runner.wait(timeout=30 * PATIENCE), 0)

    def test_a_watch_whose_agent_is_killed_leaves_the_terminal_as_it_was(self):
        runner = self.popen("run", "-q", "--config", self.agent(quick=["true"]))
        self.wait_for_agent(runner)
        program = self.start("watch")
        self.read(self.shows("^0 running, 0 waiting"))
        runner.kill()
        self.assertEqual(self.end(program), 1)
        self.assertTrue(self.screen.cursor, "the cursor is back")
        self.assertEqual(len(self.rows("the agent has gone")), 1)


if __name__ == "__main__":
    tap.main()
