import { LOCK_TYPE, OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Link, MM_NAMES } from './kernel.js';
import type { Thread, Way } from './thread.js';

const NAN = Number.NaN;

/** A lock: `lk_NAME` counts readers, `lkw_NAME` is 1 while a writer has it. */
const names = (t: Thread, lock: string): [string, string] => [
  t.kernel.model.variable(`lk_${lock}`),
  t.kernel.model.variable(`lkw_${lock}`),
];

const show = (t: Thread, kind: number, lock: string, spin: boolean): Way['ops'] => {
  const type = spin ? LOCK_TYPE.spin : LOCK_TYPE.sleeping;
  return (e) => e.emit(kind, t.cpu, [e.funcs.idOfName(lock), kind === OP.LK ? type : NAN, NAN]);
};

/** Taken alone. `set`: what is done before anybody else can step. */
export function lockWay(t: Thread, lock: string, options: { spin?: boolean; set?: string[] } = {}): Way {
  const [readers, writer] = names(t, lock);
  const spins = options.spin === true ? [`${t.own('spin')} = 1`] : [];
  return {
    text: `takes ${lock}`,
    when: all(`${readers} == 0`, `${writer} == 0`),
    set: [`${writer} = 1`, ...spins, ...(options.set ?? [])],
    ops: show(t, OP.LK, lock, options.spin === true),
  };
}

/** `gone`: with it goes the last hold on what was mapped by that entry. */
export function unlockWay(
  t: Thread,
  lock: string,
  options: { spin?: boolean; set?: string[]; gone?: Link } = {},
): Way {
  const { gone } = options;
  const [, writer] = names(t, lock);
  const spins = options.spin === true ? [`${t.own('spin')} = 0`] : [];
  return {
    text: `drops ${lock}`,
    set: [`${writer} = 0`, ...spins, ...(options.set ?? [])],
    ops: gone
      ? (e) =>
          e.emit(OP.UN, t.cpu, [e.funcs.idOfName(lock), e.names.mm(MM_NAMES[gone.mm]!), e.names.va(gone.va)])
      : show(t, OP.UN, lock, options.spin === true),
  };
}

/** Taken together with other readers. */
export function readLockWay(t: Thread, lock: string): Way {
  const [readers, writer] = names(t, lock);
  return {
    text: `takes ${lock} for reading`,
    when: `${writer} == 0`,
    set: [`${readers} = ${readers} + 1`],
    ops: show(t, OP.LK, `${lock}_r`, false),
  };
}

export function readUnlockWay(t: Thread, lock: string): Way {
  const [readers] = names(t, lock);
  return {
    text: `drops ${lock}`,
    set: [`${readers} = ${readers} - 1`],
    ops: show(t, OP.UN, `${lock}_r`, false),
  };
}

/** A writer goes on as a reader: mmap_write_downgrade(). */
export function downgradeWay(t: Thread, lock: string, set: readonly string[]): Way {
  const [readers, writer] = names(t, lock);
  return {
    text: `keeps ${lock} for reading only`,
    set: [...set, `${writer} = 0`, `${readers} = ${readers} + 1`],
    ops: (e, read) => {
      show(t, OP.UN, lock, false)!(e, read);
      show(t, OP.LK, `${lock}_r`, false)!(e, read);
    },
  };
}
