#!/usr/bin/env python3
"""Write scripts/oracle/expected.json: the counts of opportunities.py for every kprobe recording at hand.

Run from anywhere. Recordings beside the repository (../shared/recordings) keep their old counts when absent.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from opportunities import DEFINITIONS, opportunities  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / '..' / 'shared' / 'recordings'
TARGET = Path(__file__).resolve().parent / 'expected.json'
NAMES = ('ftrace-kprobes', 'mt-munmap', 'exit-mmap', 'gup-munmap', 'slowpath-', 'pt-reclaim-gup')


def wanted(path):
    stem = path.name.split('.')[0]
    return stem.startswith(NAMES) and not stem.endswith('-function') and path.name.endswith(('.txt', '.txt.gz'))


def main():
    old = json.loads(TARGET.read_text())['files'] if TARGET.exists() else {}
    out = {name: value for name, value in old.items() if name.startswith('../') and not RECORDINGS.is_dir()}
    bases = (RECORDINGS, ROOT / 'fixtures' / 'ftrace', ROOT / 'fixtures' / 'replay')
    found = [p for base in bases if base.is_dir() for p in base.rglob('*')]
    for path in sorted(p for p in found if wanted(p)):
        name = path.relative_to(ROOT).as_posix()
        out[name] = opportunities(str(path))
    document = {'definitions': DEFINITIONS, 'files': dict(sorted(out.items()))}
    TARGET.write_text(json.dumps(document, indent=2) + '\n')


main()
