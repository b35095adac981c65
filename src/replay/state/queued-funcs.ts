import { FUNC, FUNC_ADDRESS, isTableFunc } from '../../kernel/ops.js';
import type { MachineState } from './machine-state.js';

const UNNAMED = 1 << FUNC.unknown;

/** A callback of this function is queued. */
export function queuesFunc(state: MachineState, func: number): void {
  if (isTableFunc(func)) state.queuedFuncs |= 1 << func;
  else if (func === FUNC.unknown || func >= FUNC_ADDRESS) state.queuedFuncs |= UNNAMED;
}

/**
 * Callbacks of this function may have been queued without its name: some are shown without any (an address is printed, or
 * nothing), and none by this one.
 */
export const mayBeUnnamed = ({ queuedFuncs }: MachineState, func: number): boolean =>
  (queuedFuncs & UNNAMED) !== 0 && (queuedFuncs & (1 << func)) === 0;
