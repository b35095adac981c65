import type { Edit } from './edit.js';
import type { Recording } from './recording.js';
import type { Line } from './recording-lines.js';

/** kernel/watchdog.c: the watchdog of each CPU has its stopper thread run every fifth of twice the 10 s, s. */
const EVERY = 4;
const NEXT = /next_comm=(.*) next_pid=(\d+) next_prio=\d+$/;
const TASK = /^\s*(.*)-(\d+)(?=\s+(?:\([ \d-]+\)\s+)?\[)/;
/** Last events of a CPU that goes on with its task, which is in user space or idle. */
const OVER = /^(?:sched_switch|rcu_utilization|call_function_exit|call_function_single_exit)$/;
/** A stopper thread: of no task that recordings show. */
const STOPPER = 4_194_000;

/**
 * What a machine shows in `seconds` in which nothing else happens: the switches to a watchdog and back, on a CPU that does
 * nothing else, put in before line `before`, whose stamp they follow. Nothing where no switch is recorded.
 */
export function watchdogRuns(recording: Recording, edit: Edit, before: number, seconds: number): void {
  if (!recording.lines.some((line) => line?.symbol === 'sched_switch')) return;
  const last = idle(recording, before);
  const runs = last && (NEXT.exec(last.rest) ?? TASK.exec(last.prefix));
  if (!last || !runs) return;
  const [, name = '', pid = ''] = runs;
  const comm = pid === '0' ? `swapper/${last.cpu}` : name;
  const stopper = `migration/${last.cpu}`;
  const its = STOPPER + last.cpu;
  const as = (task: string): string =>
    last.prefix.replace(TASK, task.padStart(22)).replace(/(\]\s+)\S{5}(\s+)$/, '$1d..2.$2');
  const [whole = '', fraction = ''] = recording.lines[before]!.stamp.split('.');
  const told = ['Start', 'End'].map((end) => `rcu_utilization: ${end} context switch`);
  const noted = told.filter((rest) => recording.lines.some((line) => line?.rest === rest));
  const task = as(pid === '0' ? '<idle>-0' : `${name}-${pid}`);
  const thread = as(`${stopper}-${its}`);
  for (let s = EVERY; s < seconds; s += EVERY) {
    const stamp = `${Number(whole) + s}.${fraction}: `;
    const away = `sched_switch: prev_comm=${comm} prev_pid=${pid} prev_prio=120 prev_state=R ==> next_comm=${stopper} next_pid=${its} next_prio=0`;
    const back = `sched_switch: prev_comm=${stopper} prev_pid=${its} prev_prio=0 prev_state=S ==> next_comm=${comm} next_pid=${pid} next_prio=120`;
    const lines = [
      ...[...noted, away].map((rest) => [task, rest]),
      ...[...noted, back].map((rest) => [thread, rest]),
    ];
    edit.insert(before, ...lines.map(([by, rest]) => `${by}${stamp}${rest}`));
  }
}

/** Last line of another CPU than that of line `before`, whose task goes on undisturbed. */
function idle(recording: Recording, before: number): Line | null {
  const done = new Set([recording.lines[before]!.cpu]);
  for (let i = before - 1; i >= 0; i--) {
    const line = recording.lines[i];
    if (line == null || done.has(line.cpu)) continue;
    if (OVER.test(line.symbol)) return line;
    done.add(line.cpu);
  }
  return null;
}
