/** Small programs with a verdict: [what, steps, violated]; headings may come before the first `P`. */
export type Case = readonly [string, string, readonly string[]];

export const SILENT: readonly Case[] = [
  [
    'a page freed while a CPU with old translations runs another process; it flushes when it comes back',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP0 flush A\nP1 walk A v\nP1 switch B\nP0 clr T v\nP0 flush A\nP0 free F\nP1 switch A\nP1 access A v',
    [],
  ],
  [
    'the same with the table',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP0 flush A\nP1 walk A v\nP1 switch B\nP0 clr T v\nP0 unlink A v\nP0 flush A tables\nP0 free T\nP1 switch A\nP1 access A v',
    [],
  ],
  [
    'a vCPU that is not running flushes on entry',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 walk A v\nP1 vcpuout\nP0 clr T v\nP0 flush A\nP0 free F\nP1 vcpuin',
    [],
  ],
  [
    'a flush by hypercall',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 walk A v\nP0 clr T v\nP0 unlink A v\nP0 hvflush A\nP0 free T\nP0 free F',
    [],
  ],
  [
    'both PCIDs are flushed',
    'P0 map A v T\nP0 set T v F\nP1 walk A v user\nP0 clr T v\nP1 inval A\nP0 free F',
    [],
  ],
  [
    'a CPU comes back and has caught up',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP0 flush A\nP1 walk A v\nP1 switch B\nP0 clr T v\nP0 flush A\nP1 switch A\nP1 access A v',
    [],
  ],
  ['a table that was never linked is released at once (loser of a race)', 'P0 free T', []],
  [
    'a deposited table that was never linked is released at once',
    'P0 deposit T P\nP0 withdraw T\nP0 free T',
    [],
  ],
  [
    'a once-linked table is deposited after flush and IPI, and released without a grace period',
    'P0 map A v T\nP1 walk A v\nP0 unlink A v\nP0 inval A\nP1 inval A\nP0 syncipi\nP0 deposit T P\nP0 withdraw T\nP0 free T',
    [],
  ],
  [
    'a lazy CPU is skipped by a flush that frees no table',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 lazy\nP0 flush A\nP0 clr T v',
    [],
  ],
  [
    'an IPI that this path does not need (variant B)',
    'variant: B\nP0 map A v T\nP1 walk A v\nP0 unlink A v\nP1 inval A\nP0 syncipi\nP0 callrcu T.pt T\nP0 cb T.pt\nP0 free T',
    [],
  ],
  [
    'INVLPGB and TLBSYNC',
    'P0 map A v T\nP0 set T v F\nP1 walk A v\nP0 clr T v\nP0 invlpgb A\nP0 tlbsync\nP0 free F',
    [],
  ],
  [
    'a walk that begins after the unlink',
    'P0 map A v T\nP0 unlink A v\nP1 rd rcu T\nP0 free T\nP1 rdend T',
    [],
  ],
  ['a huge page where nothing was cached', 'P0 map A v T\nP0 unlink A v\nP0 sethuge A v H', []],
  [
    'a CPU that left the process and comes back',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 walk A v\nP1 switch B\nP0 clr T v\nP0 flush A\nP1 switch A',
    [],
  ],
  [
    'a return where the page was mapped anew',
    'P0 map A v T\nP0 set T v F\nP1 walk A v\nP0 clr T v\nP1 inval A\nP0 set T v G\nP1 walk A v\nP0 ret A v',
    [],
  ],
];

export const BROKEN: readonly Case[] = [
  [
    'it comes back without a flush',
    'broken: switch-without-barrier\nP0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP0 flush A\nP1 walk A v\nP1 switch B\nP1 switch A begin\nP0 clr T v\nP0 unlink A v\nP0 flush A\nP0 free F\nP0 free T\nP1 switch A cr3\nP1 switch A end\nP1 access A v',
    ['I02', 'I03', 'I26'],
  ],
  [
    'a vCPU that is not running and gets no note',
    'broken: pv-flush-forgets-entry\nP0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 walk A v\nP1 vcpuout\nP0 clr T v\nP0 flush A\nP0 free F\nP1 vcpuin',
    ['I02'],
  ],
  [
    'GUP-fast under a flush by hypercall: nobody waits for it',
    'P0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP1 walk A v\nP1 rd irqoff T\nP0 unlink A v\nP0 hvflush A\nP0 free T\nP1 rdend T',
    ['I05'],
  ],
  [
    'only the kernel PCID is flushed',
    'P0 map A v T\nP0 set T v F\nP1 walk A v user\nP0 clr T v\nP1 inval A kernel\nP0 free F',
    ['I02', 'I31'],
  ],
  [
    'a CPU comes back and has not caught up',
    'broken: switch-without-barrier\nP0 switch A\nP1 switch A\nP0 map A v T\nP0 set T v F\nP0 flush A\nP1 walk A v\nP1 switch B\nP1 switch A begin\nP0 clr T v\nP0 flush A\nP1 switch A cr3\nP1 switch A end\nP1 access A v',
    ['I26'],
  ],
  [
    'INVLPGB without TLBSYNC',
    'P0 map A v T\nP0 set T v F\nP1 walk A v\nP0 clr T v\nP0 invlpgb A\nP0 free F',
    ['I02', 'I32'],
  ],
  [
    'a TLBSYNC of another CPU',
    'P0 map A v T\nP1 walk A v\nP0 unlink A v\nP0 invlpgb A\nP1 tlbsync\nP0 free T',
    ['I03', 'I32'],
  ],
  ['released while linked', 'P0 map A v T\nP0 free T', ['I01']],
  ['a once-linked table deposited without an IPI', 'P0 map A v T\nP0 unlink A v\nP0 deposit T P', ['I22']],
  [
    'deposited while its call_rcu is pending',
    'P0 map A v T\nP0 unlink A v\nP0 syncipi\nP0 callrcu T.pt T\nP0 deposit T P',
    ['I13'],
  ],
  ['queued to RCU while deposited', 'P0 deposit T P\nP0 callrcu T.pt T', ['I13']],
  ['a PGD queued to RCU', 'P0 pgd G\nP0 callrcu G.pt G', ['I13']],
  ['a shared table reused without an IPI', 'P0 map A v P\nP1 map B v P\nP0 unlink A v\nP1 reuse P', ['I35']],
  [
    'a device that is not told',
    'P0 map A v T\nD walk A v\nP0 unlink A v\nP0 inval A\nP0 free T',
    ['I03', 'I33'],
  ],
  [
    'a page a device still translates',
    'P0 map A v T\nP0 set T v F\nD walk A v\nP0 clr T v\nP0 inval A\nP0 free F',
    ['I02', 'I33'],
  ],
  [
    'a lazy CPU, by its CR3 alone: nobody saw it walk',
    'P0 switch A\nP1 switch A\nP1 lazy\nP0 map A v T\nP0 unlink A v\nP0 flush A\nP0 free T',
    ['I03', 'I27'],
  ],
  [
    'reclaimed and freed after an IPI, with no walker in sight',
    'P0 map A v T\nP0 reclaim T\nP0 unlink A v\nP0 syncipi\nP0 free T',
    ['I06'],
  ],
  ['a lock used after its destruction', 'P0 map A v T\nP0 ptlfree T\nP1 ptlock T', ['I16']],
  [
    'a lock destroyed before the callback',
    'P0 map A v T\nP0 unlink A v\nP0 callrcu B T\nP0 ptlfree T',
    ['I16'],
  ],
  [
    'a dereference after the release',
    'P0 map A v T\nP0 unlink A v\nP1 rd rcu T\nP0 free T\nP1 deref T\nP1 rdend T',
    ['I05'],
  ],
  ['a table moved that was retracted meanwhile', 'P0 map A v T\nP1 unlink A v\nP0 relink A n T', ['I19']],
  ['a wait for a grace period under a pmd lock', 'variant: En\nP0 lock pmd:x\nP0 syncrcu', ['I47']],
];

/** A litmus file of one case. */
export function textOf(steps: string, violated: readonly string[]): string {
  const lines = steps.split('\n');
  const heads = lines.filter((l) => !/^[PD]/.test(l));
  const verdict = violated.length === 0 ? 'silent' : `violates ${violated.join(' ')}`;
  return `litmus x\n${heads.join('\n')}\ncase: ${verdict}\n${lines.filter((l) => /^[PD]/.test(l)).join('\n')}\n`;
}
