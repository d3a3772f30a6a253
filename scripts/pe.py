# SPDX-License-Identifier: MIT
"""Read what a Windows program or DLL imports and exports, from the tables in the file itself."""
import struct

MACHINES = {0x014C: "x86", 0x8664: "x86_64"}
EXPORTS, IMPORTS, DELAYED_IMPORTS = 0, 1, 13


class NotPe(Exception):
    """The file is not a program or DLL for Windows, or its tables point outside of it."""


class Pe:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        try:
            self._read_headers()
        except (struct.error, IndexError, KeyError) as error:
            raise NotPe(f"{path}: {error!r}") from error

    def _unpack(self, layout, offset):
        return struct.unpack_from("<" + layout, self.data, offset)

    def _read_headers(self):
        header = self._unpack("I", 0x3C)[0]
        if self.data[:2] != b"MZ" or self.data[header:header + 4] != b"PE\0\0":
            raise NotPe("no PE header")
        machine, section_count, _, _, _, optional_size = self._unpack("HHIIIH", header + 4)
        self.machine = MACHINES[machine]
        optional = header + 24
        self.wide = self._unpack("H", optional)[0] == 0x20B
        directories = optional + (112 if self.wide else 96)
        count = self._unpack("I", directories - 4)[0]
        self.directories = [self._unpack("II", directories + 8 * i) for i in range(count)]
        self.sections = []
        for i in range(section_count):
            size, address, raw_size, raw = self._unpack("IIII", optional + optional_size + 40 * i + 8)
            self.sections.append((address, max(size, raw_size), raw))

    def _offset(self, address):
        for start, size, raw in self.sections:
            if start <= address < start + size:
                return address - start + raw
        raise NotPe(f"address {address:#x} is in no section")

    def _text(self, address):
        offset = self._offset(address)
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii")

    def _directory(self, number):
        address = self.directories[number][0] if number < len(self.directories) else 0
        return self._offset(address) if address else None

    def _names(self, address):
        """The functions imported from one DLL; "#7" is a function that is imported by number."""
        offset = self._offset(address)
        layout, size, by_number = ("Q", 8, 1 << 63) if self.wide else ("I", 4, 1 << 31)
        while True:
            entry = self._unpack(layout, offset)[0]
            if entry == 0:
                return
            yield f"#{entry & 0xFFFF}" if entry & by_number else self._text(entry + 2)
            offset += size

    def imports(self):
        """Pairs of a DLL, in capitals, and a function, including delayed imports."""
        found = set()
        for number, size, name_at, table_at in ((IMPORTS, 20, 12, 0), (DELAYED_IMPORTS, 32, 4, 16)):
            entry = self._directory(number)
            while entry is not None:
                name = self._unpack("I", entry + name_at)[0]
                if name == 0:
                    break
                table = self._unpack("I", entry + table_at)[0] or self._unpack("I", entry + 16)[0]
                found |= {(self._text(name).upper(), function) for function in self._names(table)}
                entry += size
        return found

    def exports(self):
        """The names that it exports."""
        table = self._directory(EXPORTS)
        if table is None:
            return set()
        count, names = self._unpack("I", table + 24)[0], self._unpack("I", table + 32)[0]
        if count == 0:
            return set()
        offset = self._offset(names)
        return {self._text(self._unpack("I", offset + 4 * i)[0]) for i in range(count)}

    def words(self, key):
        """A string of the version resource, or None if it has no such string."""
        key = key.encode("utf-16-le") + b"\0\0"
        at = self.data.find(b"\x01\0" + key)
        if at < 0:
            return None
        at += 2 + len(key)
        while self.data[at:at + 2] == b"\0\0":
            at += 2
        end = at
        while self.data[end:end + 2] not in (b"\0\0", b""):
            end += 2
        return self.data[at:end].decode("utf-16-le")
