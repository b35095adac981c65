#!/usr/bin/env python3
"""Spans of munmap from raw lines, by one regular expression and none of the project's parsers, laid beside what
`pttrace breakdown --json` says of the same files:

    python3 scripts/recordings/breakdown.py FOLDER-OR-FILE ...

Checked for each file: the number of whole spans and their sum; that the phases add up to it, exactly; the number of
flushes with their return; and, where csd events are recorded, every cell of the source x target table: answers counted
from csd_queue_cpu to csd_function_exit of the same csd and CPU, with the longest of them.
"""
import collections
import gzip
import json
import os
import re
import subprocess
import sys

LINE = re.compile(r'^\s*(.+)-(\d+)\s+(?:\(.{7}\)\s+)?\[(\d+)\]\s+(\S+)\s+(\d+)\.(\d{6,9}): (.*)$')
PTTRACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bin', 'run.js')


def rows(path):
    opened = gzip.open if path.endswith('.gz') else open
    with opened(path, 'rt', encoding='latin1') as f:
        for line in f:
            m = LINE.match(line)
            if m:
                ns = int(m[5]) * 10**9 + int(m[6].ljust(9, '0'))
                yield int(m[2]), int(m[3]), m[4], ns, m[7]


def truth(path):
    open_calls, spans = {}, []
    sent, flush, pairs = {}, {}, collections.defaultdict(list)
    flushes = 0
    for pid, cpu, flags, ns, text in rows(path):
        task = not re.search('[hHsSzZ]', flags[2:3])
        if text.startswith('sys_munmap('):
            open_calls[pid] = ns
        elif text.startswith('sys_munmap ->') and pid in open_calls:
            spans.append(ns - open_calls.pop(pid))
        elif text.startswith('flush_tlb_mm_range: ') and task:
            flush[pid] = True
        elif text.startswith('flush_tlb_mm_range_ret: ') and task:
            flushes += flush.pop(pid, False)
        elif text.startswith('csd_queue_cpu: ') and task and pid in flush and 'func=flush_tlb_func' in text:
            m = re.search(r'cpu=(\d+).* csd=(\S+)', text)
            sent[(int(m[1]), m[2].removeprefix('0x'))] = (cpu, ns)
        elif text.startswith('csd_function_exit: ') and 'func=flush_tlb_func' in text:
            m = re.search(r'csd=(\S+)', text)
            was = sent.pop((cpu, m[1].removeprefix('0x')), None)
            if was:
                pairs[(was[0], cpu)].append(ns - was[1])
    return spans, flushes, pairs


def main(paths):
    files = []
    for path in paths:
        if os.path.isdir(path):
            files += sorted(os.path.join(d, f) for d, _, names in os.walk(path) for f in names)
        else:
            files.append(path)
    bad = checked = 0
    for path in files:
        if not re.search(r'\.(?:txt|gz)$', path):
            continue
        spans, flushes, pairs = truth(path)
        if not spans and not flushes:
            continue
        run = subprocess.run(['node', PTTRACE, 'breakdown', '--json', path], capture_output=True, text=True)
        if run.returncode != 0:
            print(f'{path}: not broken down: {run.stderr.strip().splitlines()[0]}')
            continue
        said = json.loads(run.stdout)
        wrong = []
        if said['what'] == 'munmap' or spans:
            if (said['spans']['count'], said['spans']['sumNs']) != (len(spans), sum(spans)):
                wrong.append(f"spans {said['spans']['count']}, {said['spans']['sumNs']} ns; {len(spans)}, {sum(spans)} ns")
        parts = sum(p['sumNs'] for p in said['phases'])
        if parts != said['spans']['sumNs']:
            wrong.append(f"phases add up to {parts}, not {said['spans']['sumNs']}")
        if said['shootdown']['flushes'] != flushes:
            wrong.append(f"flushes {said['shootdown']['flushes']}; {flushes}")
        told = {(p['source'], p['target']): (p['count'], p['maxNs']) for p in said['shootdown']['pairs']}
        if pairs:
            want = {k: (len([x for x in v if x >= 0]), max([x for x in v if x >= 0], default=0)) for k, v in pairs.items()}
            if told != want:
                wrong.append(f'answers {told}; {want}')
        checked += 1
        bad += bool(wrong)
        print(f"{path}: {'WRONG: ' + '; '.join(wrong) if wrong else 'right'}: {len(spans)} spans, {flushes} flushes, {sum(map(len, pairs.values()))} answers")
    print(f'{checked} files, {bad} wrong')
    return 1 if bad or not checked else 0


sys.exit(main(sys.argv[1:]))
