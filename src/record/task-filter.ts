import { UsageError } from '../result/usage-error.js';

/** Whose hits the hot probes record; at least one of the two lists is filled. */
export interface TaskFilter {
  /** Task names, `*` and `?` as in the shell (Documentation/trace/events.rst, "Event filtering"). */
  readonly comms: readonly string[];
  /** Processes, by id: the threads they have when the recording starts. */
  readonly tgids: readonly number[];
}

/** A task's name is cut to this (TASK_COMM_LEN less its NUL). */
const MAX_COMM = 15;

/** From the flags of `record`; null where none is given. Throws UsageError. */
export function taskFilter(comms: readonly string[], tgids: readonly string[]): TaskFilter | null {
  const names = comms.flatMap((text) => text.split(',')).filter((name) => name !== '');
  for (const name of names) {
    if (!/^[\x21-\x7e]+$/.test(name) || /["'\\$`]/.test(name)) {
      throw new UsageError(`--comm: no task name: '${name}' (letters, digits, punctuation; * and ? match)`);
    }
    if (name.length > MAX_COMM && !name.includes('*')) {
      throw new UsageError(`--comm: '${name}' is longer than the ${MAX_COMM} characters of a task's name`);
    }
  }
  const ids = tgids.flatMap((text) => text.split(',')).filter((id) => id !== '');
  for (const id of ids) {
    if (!/^[1-9]\d{0,9}$/.test(id)) throw new UsageError(`--tgid: no process id: '${id}'`);
  }
  if (comms.length + tgids.length === 0) return null;
  if (names.length + ids.length === 0) throw new UsageError('--comm, --tgid: nothing given');
  return { comms: [...new Set(names)], tgids: [...new Set(ids.map(Number))] };
}

/** As a filter of tracefs, without blanks: `comm~"rd-*"||common_pid==17`. `tids`: the threads of the processes. */
export const kernelFilter = (filter: TaskFilter, tids: readonly number[]): string =>
  [...filter.comms.map((name) => `comm~"${name}"`), ...tids.map((tid) => `common_pid==${tid}`)].join('||');

/**
 * As a condition of a bpftrace program. Throws UsageError for a pattern that it has no word for: it compares names and
 * beginnings of names.
 */
export function bpftraceFilter(filter: TaskFilter): string {
  const ofName = (name: string): string => {
    if (!/[*?]/.test(name)) return `comm == "${name}"`;
    const start = /^([^*?]*)\*$/.exec(name)?.[1];
    if (start === undefined) {
      throw new UsageError(`--comm: bpftrace can match the beginning of a name ('rd-*'), not '${name}'`);
    }
    return start === '' ? '1' : `strncmp(comm, "${start}", ${start.length}) == 0`;
  };
  return [...filter.comms.map(ofName), ...filter.tgids.map((id) => `pid == ${id}`)].join(' || ');
}

/** In words, for reports. */
export const filterWords = (filter: TaskFilter): string =>
  [
    filter.comms.length > 0 ? `tasks called ${filter.comms.join(', ')}` : '',
    filter.tgids.length > 0 ? `processes ${filter.tgids.join(', ')}` : '',
  ]
    .filter((part) => part !== '')
    .join(' and ');
