# SPDX-License-Identifier: MIT
"""Where the program keeps its files by default, for an administrator: every user of Wine is one. RDVTASK is as in
test_program.py."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wine import COMMAND, DRIVE, WindowsTest  # noqa: E402
import tap  # noqa: E402

FOLDER = os.path.join(DRIVE, "ProgramData", "rdvtask")


class Machine(WindowsTest):
    def setUp(self):
        super().setUp()
        self.assertFalse(os.path.exists(FOLDER), "left over: " + FOLDER)

    def tearDown(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        super().tearDown()

    def plainly(self, *arguments, code=0):
        """What a command without --store prints on standard output and error."""
        done = subprocess.run(COMMAND + list(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", cwd=self.dir)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_the_store_is_in_programdata(self):
        self.assertIn("there is no store yet: C:\\ProgramData\\rdvtask\\rdvtask.db\n", self.plainly("list"))
        self.plainly("schedule", "label", "one")
        self.assertEqual(os.stat(FOLDER).st_mode & 0o007, 0)
        self.assertTrue(os.path.exists(os.path.join(FOLDER, "rdvtask.db")))
        self.assertIn("one", self.plainly("list"))

    def test_variables_of_the_user_do_not_move_it(self):
        os.environ["ProgramData"] = "C:\\elsewhere"
        self.addCleanup(os.environ.pop, "ProgramData")
        self.assertIn("C:\\ProgramData\\rdvtask", self.plainly("list"))

    def test_the_agent_document_is_there_too(self):
        self.plainly("list")
        self.assertIn("C:\\ProgramData\\rdvtask\\agent.json", self.plainly("run", "--once", code=1))

    def test_a_folder_that_others_may_write_to_is_refused(self):
        os.makedirs(FOLDER)
        os.chmod(FOLDER, 0o777)
        for arguments in (["list"], ["schedule", "label"], ["run", "--once"]):
            words = self.plainly(*arguments, code=1)
            self.assertIn("can't be trusted", words)
            self.assertIn("icacls", words)
        self.assertEqual(os.listdir(FOLDER), [])


if __name__ == "__main__":
    tap.main()
