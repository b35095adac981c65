import type { RecordingPlan } from './plan.js';
import { bpftraceScript } from './print-bpftrace.js';
import { ftraceScript } from './print-ftrace.js';
import { perfScript } from './print-perf.js';
import { traceCmdScript } from './print-trace-cmd.js';
import type { ScriptOptions } from './shell.js';

export const TOOLS = ['ftrace', 'trace-cmd', 'bpftrace', 'perf'] as const;
export type Tool = (typeof TOOLS)[number];

const PRINTERS: Readonly<Record<Tool, (plan: RecordingPlan, options: ScriptOptions) => string>> = {
  ftrace: ftraceScript,
  'trace-cmd': traceCmdScript,
  bpftrace: bpftraceScript,
  perf: perfScript,
};

/** The script that makes this recording with `tool` on a machine without Node. Deterministic. */
export const printScript = (tool: Tool, plan: RecordingPlan, options: ScriptOptions): string =>
  PRINTERS[tool](plan, options);
