#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the binaries for Windows import and export. It is read from the files, so nothing is run.

  test_imports.py SOURCE_DIR BUILD_DIR

windows7-imports.txt beside this has the functions that they may import."""
import pathlib
import re
import sys
import unittest

SOURCE, BUILD = (pathlib.Path(folder).resolve() for folder in sys.argv[1:3])
del sys.argv[1:3]
sys.path[:0] = [str(SOURCE / "scripts"), str(SOURCE / "test" / "cli")]
import pe  # noqa: E402
import tap  # noqa: E402

LIST = SOURCE / "test" / "win" / "windows7-imports.txt"
PROGRAM, LIBRARY, COM = BUILD / "cli/rdvtask.exe", BUILD / "lib/rdvtask.dll", BUILD / "shim-com/rdvtask-com.dll"
BINARIES = [PROGRAM, LIBRARY, COM]
# Oldest first. All others came after Windows 7.
WINDOWS = ["2000", "XP", "Vista", "7"]


def read_list(text):
    """{(DLL, function): the first Windows that has it}"""
    dll, found = None, {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            dll = line.strip("[]").upper()
        elif line:
            function, since = line.split()
            if dll is None or since not in WINDOWS or (dll, function) in found:
                raise ValueError(f"{LIST.name}:{number}: {line}")
            found[dll, function] = since
    return found


def not_in_windows_7(binary, allowed):
    """The imports of a binary that Windows 7 may lack, a line each."""
    dlls = {dll for dll, _ in allowed}
    return sorted({f"{dll}, which Windows does not bring" if dll not in dlls else f"{dll}: {function}"
                   for dll, function in binary.imports() - set(allowed)})


class Imports(unittest.TestCase):
    def setUp(self):
        self.allowed = read_list(LIST.read_text(encoding="utf-8"))

    def check(self, path):
        binary = pe.Pe(path)
        self.assertGreater(len(binary.imports()), 20, "hardly anything is imported, so was it read?")
        self.assertEqual([], not_in_windows_7(binary, self.allowed),
                         f"{path.name} imports this; see {LIST.name} for how to add what Windows 7 has")

    def test_windows_7_has_all_that_the_program_imports(self):
        self.check(PROGRAM)

    def test_windows_7_has_all_that_the_library_imports(self):
        self.check(LIBRARY)

    def test_windows_7_has_all_that_the_com_server_imports(self):
        self.check(COM)

    def test_a_function_newer_than_windows_7_is_found(self):
        found = not_in_windows_7(pe.Pe(BUILD / "test/win/newer-import.exe"), self.allowed)
        self.assertIn("KERNEL32.DLL: GetSystemTimePreciseAsFileTime", found)

    def test_a_dll_that_windows_does_not_bring_is_found(self):
        found = not_in_windows_7(pe.Pe(BUILD / "test/win/newer-import.exe"), self.allowed)
        self.assertIn("RDVTASK.DLL, which Windows does not bring", found)

    def test_the_list_takes_no_function_of_a_newer_windows(self):
        for line in ("WaitOnAddress 8", "WaitOnAddress 10", "CreateFileW XP\nCreateFileW XP"):
            with self.assertRaises(ValueError):
                read_list("[kernel32.dll]\n" + line)

    def test_a_file_that_is_no_program_is_refused(self):
        with self.assertRaises(pe.NotPe):
            pe.Pe(LIST)


class Exports(unittest.TestCase):
    def test_the_library_exports_what_its_map_names(self):
        names = re.findall(r"^ +(\w+);$", (SOURCE / "lib/rdvtask.map").read_text(encoding="utf-8"), flags=re.MULTILINE)
        self.assertEqual(set(names), pe.Pe(LIBRARY).exports())

    def test_the_com_server_exports_the_four_functions_of_com_and_no_other(self):
        self.assertEqual({"DllCanUnloadNow", "DllGetClassObject", "DllRegisterServer", "DllUnregisterServer"},
                         pe.Pe(COM).exports())

    def test_the_program_exports_nothing(self):
        self.assertEqual(set(), pe.Pe(PROGRAM).exports())


class Version(unittest.TestCase):
    def test_each_binary_says_its_name_and_the_version_of_the_headers(self):
        header = (SOURCE / "include/rdvtask/base.h").read_text(encoding="utf-8")
        version = ".".join(re.findall(r"^#define RDV_VERSION_[A-Z]+ (\d+)$", header, flags=re.MULTILINE))
        for path in BINARIES:
            binary = pe.Pe(path)
            self.assertEqual(version, binary.words("FileVersion"), path)
            self.assertEqual(path.name, binary.words("OriginalFilename"))


if __name__ == "__main__":
    tap.main()
