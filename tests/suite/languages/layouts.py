"""Prints livesync.h as the Python binding repeats it, in the lines of c-tests/layouts.c."""

import ctypes
import enum
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "examples/python"))
import livesync_h

PREFIXES = {"PeerFlag": "PEER", "EventType": "EVENT", "Feature": "FEATURE"}

for struct in livesync_h.CStruct.__subclasses__():
    name = f"livesync_{struct.__name__[1:].lower()}_t"
    for field, _ in struct._fields_:
        layout = getattr(struct, field)
        print(name, field, layout.offset, layout.size)
    print(name, "- -", ctypes.sizeof(struct))

print("LIVESYNC_MAX_NODES - -", livesync_h.MAX_NODES)
for numbers in vars(livesync_h).values():
    if isinstance(numbers, enum.EnumMeta):
        for constant in numbers:
            print(f"LIVESYNC_{PREFIXES[numbers.__name__]}_{constant.name} - - {constant.value}")
