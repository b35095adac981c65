import { TraceError } from '../src/parsers/input/trace-error.js';
import { printableReport } from '../src/result/printable.js';
import type { Result } from '../src/result/types.js';
import { EXIT } from './exit-codes.js';
import { MAIL_WIDTH, widthOf } from './width.js';

/** How a replay is printed: the flags of `replay` and `watch`. */
export interface ReportLook {
  readonly json: boolean;
  readonly all: boolean;
  readonly width?: number | undefined;
  readonly plain: boolean;
  readonly 'hist-style'?: string | undefined;
}

export async function renderResult(result: Result, look: ReportLook): Promise<string> {
  if (look.json) return (await import('./render/json.js')).formatJson(result);
  const shown = printableReport(result);
  const style = look['hist-style'];
  const width = look.plain ? MAIL_WIDTH : widthOf(look.width);
  if (!look.all)
    return (await import('./render/screen.js')).formatScreen(shown, { width, plain: look.plain });
  if (look.plain) return (await import('./render/plain.js')).formatPlain(shown, style);
  return (await import('./render/report.js')).formatReport(shown, { style, width });
}

/** The exit code of a replay. */
export function exitOf({ summary, inputs }: Result): number {
  if (summary.partial) return EXIT.interrupted;
  if (inputs.some((input) => input.error)) return EXIT.unreadable;
  return summary.findings > 0 ? EXIT.finding : EXIT.clean;
}

/** An empty recording must not look like a clean one. Throws TraceError. */
export function refuseNothing({ inputs, timeline, summary }: Result): void {
  if (timeline.events > 0 || summary.partial || inputs.some((i) => i.error)) return;
  const [first] = inputs;
  const foreign = inputs.reduce((sum, i) => sum + i.lines.foreign + i.lines.skipped, 0);
  if (foreign > 0)
    throw new TraceError('unknown-format', `none of its lines is an event of ${first?.format}`, {
      path: first?.path,
    });
  throw new TraceError('empty', 'holds no events', { path: first?.path });
}
