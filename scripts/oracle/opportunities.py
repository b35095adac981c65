#!/usr/bin/env python3
"""Count, in one ftrace text recording, how often each invariant *could* be decided.

Independent of the replay engine on purpose: plain line logic, standard library only, one pass over the lines after
one pass that learns the address bases. The engine is held against these numbers by scripts/oracle/sweep.mjs.

Reads recordings made with kprobes on the free path (ftrace text, plain or .gz):
    opportunities.py FILE...            one JSON object on stdout, one key per file
    opportunities.py --sum FILE...      adds a key "sum" over all files
Exit 0; 2 when a file cannot be read.
"""

import gzip
import json
import re
import sys
from collections import Counter, defaultdict

DEFINITIONS = {
    'I01': 'page frees (mm_page_free) of a page handed to a gather (___p*_free_tlb) earlier in this file, one per table life',
    'I02': 'page frees in task context by a task whose gather is open (between tlb_gather_mmu and the return of tlb_finish_mmu)',
    'I04': 'page frees of a table that a table call_rcu visible in this file had taken over',
    'I07': 'tables that went the no-memory way: own call_rcu, or freed in task context after a tlb_remove_table_smp_sync broadcast',
    'I09': 'tables taken over by a table call_rcu (batch or single) whose hand-over to the gather is in this file',
    'I09_call_rcus': 'table call_rcus (batch or single) with at least one such table',
    'I10': 'flush cycles: flush_tlb_mm_range returns inside a gather, followed in it by a free or a table call_rcu before the next flush',
    'I11': 'enqueues of table callbacks; call_rcu and __call_rcu_common of one enqueue counted once',
    'I12': 'table lives with a hand-over to a gather and a free, both in this file',
    'I12_censored_end': 'hand-overs without a free before the end of the file',
    'I24': 'broadcast flushes (native_flush_tlb_multi)',
    'I36': 'callbacks of any function (rcu_invoke_callback) whose enqueue (rcu_callback, same rhp) is in this file',
    'I38': 'table call_rcus and table callbacks matched by head (callbacks without an event: the free of one of its tables outside task context)',
    'I38_inferred': 'those of I38 whose callback shows only as frees',
    'I38_censored_start': 'table callbacks whose call_rcu is before the start of the file',
    'I38_censored_end': 'table call_rcus whose callback is after the end of the file',
    'I39': 'table callbacks seen as an event whose enqueue is in this file',
    'I42': 'the same, of functions any: callbacks (rcu_invoke_callback) with their enqueue on the same CPU in this file',
    'I42_tables': 'table callbacks seen as an event with their enqueue in this file (equals I39)',
    'I48': 'syscall exits whose entry by the same task is in this file',
    'I48_censored_start': 'syscall exits without an entry (the capture began inside)',
    'I49': 'gathers begun (tlb_gather_mmu, tlb_gather_mmu_fullmm)',
    'I49_hand_overs': 'hand-overs of tables to a gather (___p*_free_tlb)',
    'I52': 'event lines (all have a stamp that can go backwards)',
}

LINE = re.compile(r'\s*(.*)-(\d+)\s+(?:\([ \d-]+\)\s+)?\[(\d+)\]\s+(?:(\S{4,7})\s+)?(\d+)\.(\d+): (.*)$')
PROBE = re.compile(r'(\S+): \((?:\S+ <- )?([^\s+)]+)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?\) ?(.*)$')
RETURN = re.compile(r'(\S+): \(\S+ <- ([^\s)]+)\) ?(.*)$')
KEYVAL = re.compile(r'(\w+)=(\{[^}]*\}|\S+)')
SYSCALL = re.compile(r'sys_(\w+)(\(| -> )')

BATCH_FN = 'tlb_remove_table_rcu'
SINGLE_FN = '__tlb_remove_table_one_rcu'
GIB = 1 << 30


def open_text(path):
    if path.endswith('.gz'):
        return gzip.open(path, 'rt', encoding='utf-8', errors='replace', newline='\n')
    return open(path, 'r', encoding='utf-8', errors='replace', newline='\n')


def parse(path):
    """Yields (pid or ('idle', cpu), cpu, in_task_context, kind, name, args)."""
    with open_text(path) as lines:
        for line in lines:
            m = LINE.match(line)
            if not m:
                continue
            _, pid, cpu, flags, _, _, rest = m.groups()
            cpu = int(cpu)
            who = int(pid) or ('idle', cpu)
            task = flags is None or len(flags) < 3 or flags[2] == '.'
            if ': (' in rest:
                r = RETURN.match(rest)
                if r:
                    yield who, cpu, task, 'ret', r.group(2), dict(KEYVAL.findall(r.group(3)))
                    continue
                p = PROBE.match(rest)
                if p:
                    yield who, cpu, task, 'probe', p.group(2), dict(KEYVAL.findall(p.group(3)))
                    continue
            s = SYSCALL.match(rest)
            if s:
                yield who, cpu, task, 'enter' if s.group(2) == '(' else 'exit', s.group(1), {}
                continue
            name, _, tail = rest.partition(': ')
            yield who, cpu, task, 'event', name, dict(KEYVAL.findall(tail))


def number(text):
    return int(text, 0)


def plain(symbol):
    """`tlb_remove_table_rcu+0x0/0x40` -> `tlb_remove_table_rcu`; compiler suffixes dropped."""
    return re.sub(r'\.(isra|part|cold|constprop|cfi_jt)\b.*$', '', symbol.split('+')[0])


HANDOVER = re.compile(r'___(pte|pmd|pud|p4d)_free_tlb$')


def handed_pointer(level, args):
    """The pointer argument of ___p*_free_tlb, whatever it is called: the last one."""
    return number(list(args.values())[-1])


def learn_bases(records):
    """(vmemmap, direct map) from the file itself; None where it says nothing. Both are 1 GiB aligned under KASLR."""
    freed = {number(a['pfn']) for *_, kind, name, a in records if kind == 'event' and name == 'mm_page_free' and 'pfn' in a}
    pages, direct, after = set(), set(), []
    previous = {}
    for who, _, _, kind, name, args in records:
        if kind != 'probe':
            continue
        m = HANDOVER.match(name)
        if m:
            pointer = handed_pointer(m.group(1), args)
            (pages if m.group(1) == 'pte' else direct).add(pointer)
            previous[who] = (m.group(1), pointer)
        elif name in ('tlb_remove_table', 'native_tlb_remove_table') and who in previous:
            level, pointer = previous.pop(who)
            if level != 'pte':
                after.append((pointer, number(args['table'])))
        elif name == 'pmd_install':
            pages.add(number(args['page']))
    vmemmap = vote(pages, freed, 64)
    if vmemmap is not None and after:
        direct_votes = Counter(va - ((page - vmemmap) // 64 << 12) for va, page in after)
        return vmemmap, direct_votes.most_common(1)[0][0]
    return vmemmap, vote(direct, freed, 4096)


def vote(pointers, pfns, size):
    """The aligned base under which most pointers are pages that this file frees."""
    residue = defaultdict(list)
    for pfn in pfns:
        residue[pfn * size % GIB].append(pfn)
    votes = Counter()
    for pointer in pointers:
        for pfn in residue.get(pointer & ~(size - 1) & (GIB - 1), ()):
            votes[(pointer & ~(size - 1)) - pfn * size] += 1
    return votes.most_common(1)[0][0] if votes else None


class Counts:
    def __init__(self, vmemmap, direct):
        self.vmemmap, self.direct = vmemmap, direct
        self.n = Counter({key: 0 for key in DEFINITIONS})
        self.handed = {}  # pfn -> task, from hand-over to free
        self.waiting = defaultdict(list)  # task -> pfns handed over and not yet in a call_rcu
        self.taken = {}  # pfn -> head of the call_rcu that took it
        self.pending = {}  # head -> [pfns], enqueued and not called back
        self.running = {}  # head -> pfns not yet freed, after the callback
        self.by_page = {}  # pfn of a batch page -> head
        self.common_due = {}  # task -> head whose __call_rcu_common is the same enqueue
        self.enqueued = {}  # rhp -> (cpu, head or None)
        self.last_call = {}  # cpu -> head of the call_rcu just seen
        self.invoked = {}  # cpu -> table callback announced by rcu_invoke_callback
        self.gathers = Counter()
        self.synced = set()  # tasks that sent a tlb_remove_table_smp_sync broadcast since their last hand-over
        self.cycle = {}
        self.syscalls = {}

    def pfn_of_page(self, pointer):
        return None if self.vmemmap is None else (pointer - self.vmemmap) // 64

    def pfn_of_va(self, pointer):
        return None if self.direct is None else (pointer - self.direct) >> 12

    def record(self, who, cpu, task, kind, name, args):
        self.n['I52'] += 1
        if kind == 'probe':
            self.probe(who, cpu, task, plain(name), args)
        elif kind == 'ret':
            self.returned(who, plain(name))
        elif kind == 'event':
            self.event(who, cpu, task, name, args)
        elif kind == 'enter':
            self.syscalls[who] = name
        elif self.syscalls.pop(who, None) == name:
            self.n['I48'] += 1
        else:
            self.n['I48_censored_start'] += 1

    def probe(self, who, cpu, task, name, args):
        m = HANDOVER.match(name)
        if m:
            self.n['I49_hand_overs'] += 1
            pointer = handed_pointer(m.group(1), args)
            pfn = self.pfn_of_page(pointer) if m.group(1) == 'pte' else self.pfn_of_va(pointer)
            if pfn is not None:
                self.handed[pfn] = who
                self.waiting[who].append(pfn)
            self.synced.discard(who)
        elif name in ('call_rcu', 'call_rcu_hurry', '__call_rcu_common'):
            self.call_rcu(who, cpu, name, number(args['head']), plain(args['func']))
        elif name == BATCH_FN:
            head = number(args['head'])
            if self.invoked.pop(cpu, None) != BATCH_FN:
                self.called_back(head)
        elif name in ('tlb_gather_mmu', 'tlb_gather_mmu_fullmm'):
            self.n['I49'] += 1
            self.gathers[who] += 1
            self.cycle[who] = False
        elif name == 'flush_tlb_mm_range':
            self.cycle[who] = False
        elif name == 'native_flush_tlb_multi':
            self.n['I24'] += 1

    def returned(self, who, name):
        if name == 'tlb_finish_mmu':
            if self.gathers[who] > 0:
                self.gathers[who] -= 1
            self.cycle[who] = False
        elif name == 'flush_tlb_mm_range':
            self.cycle[who] = self.gathers[who] > 0

    def event(self, who, cpu, task, name, args):
        if name == 'mm_page_free':
            for pfn in range(number(args['pfn']), number(args['pfn']) + (1 << int(args.get('order', '0')))):
                self.page_free(who, task, pfn)
            if task and self.gathers[who] > 0:
                self.n['I02'] += 1
                self.cycle_used(who)
        elif name == 'csd_queue_cpu':
            if plain(args.get('func', '')) == 'tlb_remove_table_smp_sync':
                self.synced.add(who)
        elif name == 'rcu_callback':
            self.enqueued[args['rhp']] = (cpu, self.last_call.pop(cpu, None))
        elif name == 'rcu_invoke_callback':
            self.invoke(cpu, args['rhp'], plain(args['func']))

    def call_rcu(self, who, cpu, name, head, func):
        if name == '__call_rcu_common':
            if self.common_due.pop(who, None) == head:
                return
        else:
            self.common_due[who] = head
        self.last_call[cpu] = head
        if func == BATCH_FN:
            tables = self.waiting.pop(who, [])
            page = self.pfn_of_va(head)
            if page is not None:
                self.by_page[page] = head
        elif func == SINGLE_FN:
            pfn = self.pfn_of_page(head & ~63)
            tables = [pfn] if pfn in self.handed else []
            if pfn in self.waiting[who]:
                self.waiting[who].remove(pfn)
            self.n['I07'] += len(tables)
        else:
            return
        self.cycle_used(who)
        self.n['I11'] += 1
        self.n['I09'] += len(tables)
        self.n['I09_call_rcus'] += 1 if tables else 0
        self.pending[head] = tables
        for pfn in tables:
            self.taken[pfn] = head

    def cycle_used(self, who):
        if self.cycle.get(who):
            self.n['I10'] += 1
            self.cycle[who] = False

    def invoke(self, cpu, rhp, func):
        enqueued_on, head = self.enqueued.pop(rhp, (None, None))
        if enqueued_on is not None:
            self.n['I36'] += 1
            self.n['I42'] += 1 if enqueued_on == cpu else 0
        if func in (BATCH_FN, SINGLE_FN):
            self.invoked[cpu] = func
            self.called_back(head)
        else:
            self.invoked.pop(cpu, None)

    def called_back(self, head, seen=True):
        if head not in self.pending:
            self.n['I38_censored_start'] += 1
            return
        del self.pending[head]
        self.n['I38'] += 1
        if seen:
            self.n['I39'] += 1
            self.n['I42_tables'] += 1
        else:
            self.n['I38_inferred'] += 1

    def page_free(self, who, task, pfn):
        head = self.taken.pop(pfn, None)
        if head is not None:
            self.n['I04'] += 1
        owner = self.by_page.pop(pfn, None) if head is None else head
        if owner is not None and owner in self.pending and not task:
            self.called_back(owner, seen=False)
        if pfn not in self.handed:
            return
        gatherer = self.handed.pop(pfn)
        self.n['I01'] += 1
        self.n['I12'] += 1
        if head is None and pfn in self.waiting[gatherer]:
            self.waiting[gatherer].remove(pfn)
            if task and who in self.synced:
                self.n['I07'] += 1

    def finish(self):
        self.n['I12_censored_end'] = len(self.handed)
        self.n['I38_censored_end'] = len(self.pending)
        return self.n


def opportunities(path):
    records = list(parse(path))
    vmemmap, direct = learn_bases(records)
    counts = Counts(vmemmap, direct)
    for record in records:
        counts.record(*record)
    text = lambda base: None if base is None else hex(base)
    return {
        'bases': {'vmemmap': text(vmemmap), 'directMap': text(direct)},
        'opportunities': dict(sorted(counts.finish().items())),
    }


def main(argv):
    total = '--sum' in argv
    paths = [a for a in argv if not a.startswith('--')]
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    out = {'definitions': DEFINITIONS, 'files': {}}
    summed = Counter()
    for path in paths:
        try:
            out['files'][path] = opportunities(path)
        except (OSError, EOFError) as error:
            print(f'{path}: {error}', file=sys.stderr)
            return 2
        summed.update(out['files'][path]['opportunities'])
    if total:
        out['sum'] = dict(sorted(summed.items()))
    print(json.dumps(out, indent=1))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
