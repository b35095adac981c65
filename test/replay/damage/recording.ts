/**
 * A kprobe recording as text, read just far enough to know where to damage it. Independent of `src` on
 * purpose: what is damaged must not be found by the code that is being tested.
 */

import { arg, funcOf, type Line, parseLine, taskOf } from './recording-lines.js';

export interface HandOver {
  /** `___p*_free_tlb` and what belongs to it (`native_tlb_remove_table`, `tlb_remove_table`). */
  readonly lines: number[];
  readonly level: string;
  readonly pfn: bigint;
  free: number | null;
  enqueue: Enqueue | null;
}

export interface Target {
  readonly cpu: number;
  readonly csd: string;
  readonly queue: number;
  entry: number;
  exit: number;
}

export interface Flush {
  readonly request: number;
  done: number;
  readonly freedTables: boolean;
  multi: number;
  readonly targets: Target[];
}

export interface Enqueue {
  readonly head: bigint;
  readonly single: boolean;
  /** `call_rcu`, `__call_rcu_common`, `rcu_callback`: adjacent lines of one CPU. */
  readonly lines: number[];
  readonly tables: HandOver[];
  callback: Callback | null;
}

export interface Callback {
  readonly cpu: number;
  /** `rcu_invoke_callback`, the probe and its return, those that are there. */
  readonly marks: number[];
  /** Table and batch-page frees of this callback, in softirq or kthread context. */
  readonly frees: number[];
  enqueue: Enqueue | null;
}

export interface Gather {
  readonly task: string;
  readonly begin: number;
  /** `tlb_finish_mmu` and its return, -1 while not seen. */
  end: number;
  ended: number;
  readonly handOvers: HandOver[];
  readonly flushes: Flush[];
  readonly enqueues: Enqueue[];
  /** `mm_page_free` in task context inside the gather. */
  readonly frees: number[];
}

export interface Recording {
  readonly text: readonly string[];
  readonly lines: readonly (Line | null)[];
  readonly vmemmap: bigint;
  readonly directMap: bigint;
  readonly gathers: readonly Gather[];
  readonly enqueues: readonly Enqueue[];
  readonly callbacks: readonly Callback[];
  /** Slow-path syncs: broadcasts of `tlb_remove_table_smp_sync`, by the hand-over they follow. */
  readonly syncs: readonly { readonly handOver: HandOver; readonly queues: number[] }[];
}

export const BATCH_FN = 'tlb_remove_table_rcu';
export const SINGLE_FN = '__tlb_remove_table_one_rcu';
export const SYNC_FN = 'tlb_remove_table_smp_sync';
const HAND_OVER = /^___(pte|pmd|pud|p4d)_free_tlb$/;

/** The last `name=value` of a probe line: the table, whatever the recorder called it. */
const lastArg = (line: Line): bigint => BigInt(/=(0x[0-9a-f]+)\s*$/.exec(line.rest)![1]!);

/** The 1 GiB aligned base under which most pointers are pages this file frees. */
function vote(pointers: Iterable<bigint>, pfns: Iterable<bigint>, size: bigint): bigint {
  const byResidue = new Map<bigint, bigint[]>();
  for (const pfn of pfns) {
    const residue = (pfn * size) & 0x3fffffffn;
    const list = byResidue.get(residue);
    if (list === undefined) byResidue.set(residue, [pfn]);
    else list.push(pfn);
  }
  const votes = new Map<bigint, number>();
  for (const pointer of pointers)
    for (const pfn of byResidue.get(pointer & 0x3fffffffn) ?? [])
      votes.set(pointer - pfn * size, (votes.get(pointer - pfn * size) ?? 0) + 1);
  let best = 0n;
  for (const [base, count] of votes) if (count > (votes.get(best) ?? 0)) best = base;
  return best;
}

const read = new WeakMap<readonly string[], Recording>();

/** Of the same lines, the same recording: those of the fixtures are asked for by a dozen files of tests. */
export function readRecording(text: readonly string[]): Recording {
  let recording = read.get(text);
  if (recording === undefined) read.set(text, (recording = readLines(text)));
  return recording;
}

function readLines(text: readonly string[]): Recording {
  const lines = text.map(parseLine);
  const freed = new Set<bigint>();
  const pages = new Set<bigint>();
  const direct = new Set<bigint>();
  for (const line of lines) {
    if (line === null) continue;
    const m = HAND_OVER.exec(line.symbol);
    if (m !== null && line.kind === 'probe') (m[1] === 'pte' ? pages : direct).add(lastArg(line));
    else if (line.symbol === 'mm_page_free') freed.add(BigInt(arg(line, 'pfn')));
  }
  const vmemmap = vote(pages, freed, 64n);
  const directMap = vote(direct, freed, 4096n);
  return { text, lines, vmemmap, directMap, ...tellStory(lines, vmemmap, directMap) };
}

type Story = Pick<Recording, 'gathers' | 'enqueues' | 'callbacks' | 'syncs'>;

function tellStory(lines: readonly (Line | null)[], vmemmap: bigint, directMap: bigint): Story {
  const gathers: Gather[] = [];
  const enqueues: Enqueue[] = [];
  const callbacks: Callback[] = [];
  const syncs: { handOver: HandOver; queues: number[] }[] = [];
  const open = new Map<string, Gather>();
  const flushing = new Map<string, Flush>();
  const waiting = new Map<string, HandOver[]>();
  const live = new Map<bigint, HandOver>();
  const pending = new Map<bigint, Enqueue>();
  const byRhp = new Map<string, Enqueue | null>();
  const batchPages = new Map<bigint, Enqueue>();
  const justEnqueued = new Map<number, Enqueue | null>();
  const running = new Map<number, Callback>();
  const lastHandOver = new Map<string, HandOver>();

  for (const line of lines) {
    if (line === null) continue;
    const task = taskOf(line);
    const gather = open.get(task);
    if (line.kind === 'probe') {
      const m = HAND_OVER.exec(line.symbol);
      if (m !== null) {
        const pointer = lastArg(line);
        const pfn = m[1] === 'pte' ? (pointer - vmemmap) / 64n : (pointer - directMap) >> 12n;
        const handOver: HandOver = { lines: [line.index], level: m[1]!, pfn, free: null, enqueue: null };
        live.set(pfn, handOver);
        waiting.set(task, [...(waiting.get(task) ?? []), handOver]);
        lastHandOver.set(task, handOver);
        gather?.handOvers.push(handOver);
        continue;
      }
      switch (line.symbol) {
        case 'native_tlb_remove_table':
        case 'tlb_remove_table':
          lastHandOver.get(task)?.lines.push(line.index);
          break;
        case 'tlb_gather_mmu':
        case 'tlb_gather_mmu_fullmm': {
          const g: Gather = {
            task,
            begin: line.index,
            end: -1,
            ended: -1,
            handOvers: [],
            flushes: [],
            enqueues: [],
            frees: [],
          };
          gathers.push(g);
          open.set(task, g);
          break;
        }
        case 'tlb_finish_mmu':
          if (gather !== undefined) gather.end = line.index;
          break;
        case 'flush_tlb_mm_range': {
          const flush: Flush = {
            request: line.index,
            done: -1,
            freedTables: arg(line, 'freed_tables') === '1',
            multi: -1,
            targets: [],
          };
          flushing.set(task, flush);
          gather?.flushes.push(flush);
          break;
        }
        case 'native_flush_tlb_multi':
          if (flushing.has(task)) flushing.get(task)!.multi = line.index;
          break;
        case 'call_rcu':
        case '__call_rcu_common': {
          const head = BigInt(arg(line, 'head'));
          const last = justEnqueued.get(line.cpu);
          if (line.symbol === '__call_rcu_common' && last && last.head === head) {
            last.lines.push(line.index);
            break;
          }
          const func = funcOf(line);
          justEnqueued.set(line.cpu, null);
          if (func !== BATCH_FN && func !== SINGLE_FN) break;
          const queue = waiting.get(task) ?? [];
          const single = func === SINGLE_FN;
          const pfn = (head - vmemmap) / 64n;
          const tables = single ? queue.filter((h) => h.pfn === pfn) : queue;
          waiting.set(task, single ? queue.filter((h) => h.pfn !== pfn) : []);
          const enqueue: Enqueue = { head, single, lines: [line.index], tables, callback: null };
          for (const table of tables) table.enqueue = enqueue;
          enqueues.push(enqueue);
          gather?.enqueues.push(enqueue);
          pending.set(head, enqueue);
          if (!single) batchPages.set((head - directMap) >> 12n, enqueue);
          justEnqueued.set(line.cpu, enqueue);
          break;
        }
        case BATCH_FN: {
          const head = BigInt(arg(line, 'head'));
          let callback = running.get(line.cpu);
          if (callback === undefined || callback.marks.length !== 1 || callback.frees.length > 0) {
            callback = { cpu: line.cpu, marks: [], frees: [], enqueue: null };
            callbacks.push(callback);
            running.set(line.cpu, callback);
          }
          callback.marks.push(line.index);
          const enqueue = pending.get(head);
          if (enqueue !== undefined && callback.enqueue === null) link(callback, enqueue);
          break;
        }
        default:
      }
      continue;
    }
    if (line.kind === 'return') {
      if (line.symbol === 'tlb_finish_mmu' && gather !== undefined) {
        gather.ended = line.index;
        open.delete(task);
      } else if (line.symbol === 'flush_tlb_mm_range' && flushing.has(task)) {
        flushing.get(task)!.done = line.index;
        flushing.delete(task);
      } else if (line.symbol === BATCH_FN) {
        running.get(line.cpu)?.marks.push(line.index);
        running.delete(line.cpu);
      }
      continue;
    }
    if (line.kind !== 'event') continue;
    switch (line.symbol) {
      case 'csd_queue_cpu': {
        const func = funcOf(line);
        const flush = flushing.get(task);
        if (func === 'flush_tlb_func' && flush !== undefined && flush.multi >= 0)
          flush.targets.push({
            cpu: Number(arg(line, 'cpu')),
            csd: arg(line, 'csd'),
            queue: line.index,
            entry: -1,
            exit: -1,
          });
        else if (func === SYNC_FN && lastHandOver.has(task)) {
          const handOver = lastHandOver.get(task)!;
          const sync = syncs.find((s) => s.handOver === handOver);
          if (sync === undefined) syncs.push({ handOver, queues: [line.index] });
          else sync.queues.push(line.index);
        }
        break;
      }
      case 'csd_function_entry':
      case 'csd_function_exit':
        for (const flush of flushing.values())
          for (const target of flush.targets)
            if (target.cpu === line.cpu && target.csd === arg(line, 'csd')) {
              if (line.symbol === 'csd_function_entry') target.entry = line.index;
              else target.exit = line.index;
            }
        break;
      case 'rcu_callback': {
        const enqueue = justEnqueued.get(line.cpu) ?? null;
        enqueue?.lines.push(line.index);
        byRhp.set(arg(line, 'rhp'), enqueue);
        justEnqueued.delete(line.cpu);
        break;
      }
      case 'rcu_batch_end':
        running.delete(line.cpu);
        break;
      case 'rcu_invoke_callback': {
        const enqueue = byRhp.get(arg(line, 'rhp')) ?? null;
        byRhp.delete(arg(line, 'rhp'));
        running.delete(line.cpu);
        const func = funcOf(line);
        if (func !== BATCH_FN && func !== SINGLE_FN) break;
        const callback: Callback = { cpu: line.cpu, marks: [line.index], frees: [], enqueue: null };
        callbacks.push(callback);
        running.set(line.cpu, callback);
        if (enqueue !== null) link(callback, enqueue);
        break;
      }
      case 'mm_page_free': {
        const pfn = BigInt(arg(line, 'pfn'));
        const handOver = live.get(pfn);
        if (handOver !== undefined) {
          handOver.free = line.index;
          live.delete(pfn);
          const queue = waiting.get(task);
          if (line.task && queue !== undefined)
            waiting.set(
              task,
              queue.filter((h) => h !== handOver),
            );
        }
        const callback = running.get(line.cpu);
        if (line.task) gather?.frees.push(line.index);
        else if (callback !== undefined && (handOver !== undefined || batchPages.has(pfn)))
          callback.frees.push(line.index);
        batchPages.delete(pfn);
        break;
      }
      default:
    }
  }
  return { gathers, enqueues, callbacks, syncs };

  function link(callback: Callback, enqueue: Enqueue): void {
    callback.enqueue = enqueue;
    enqueue.callback = callback;
    pending.delete(enqueue.head);
  }
}
