import { sampleText } from '../input/sample-text.js';

/**
 * Forms of the tracefs `trace` file that hold no events a tool can read back. Each recogniser looks at the first
 * bytes of an input and returns what it is and what to record instead, or null.
 */
interface Refusal {
  readonly id: 'trace-raw' | 'trace-hex' | 'trace-bin' | 'trace-no-context';
  readonly message: string;
}

/** Enough lines to tell, few enough to be quick. */
const LINES = 400;

/** Body lines (no comment, no blank, no stack frame, no loss line) of the sample; the cut last line is dropped. */
function bodyLines(sample: Uint8Array): string[] {
  const text = sampleText(sample, 65536);
  const lines = text.split(/\r?\n/, LINES);
  if (!text.endsWith('\n')) lines.pop();
  return lines.filter((l) => l.trim() !== '' && !/^#|^ =>|^CPU:\d+ \[|^##### CPU/.test(l));
}

const startsAsTrace = (sample: Uint8Array): boolean => sampleText(sample, 12).startsWith('# tracer: ');

/** At least `share` of the lines match. */
function most(lines: string[], form: RegExp, share: number): boolean {
  if (lines.length === 0) return false;
  let n = 0;
  for (const l of lines) if (form.test(l)) n++;
  return n >= lines.length * share;
}

/** Option `raw`: `PID CPU NS IP PARENT` in decimal and hex, events as `type: N`. */
export function recogniseRaw(sample: Uint8Array): string | null {
  return most(bodyLines(sample), /^\d+ \d+ \d+ (?:type: \d+|[0-9a-f]{8,16}(?: [0-9a-f]{8,16})+)$/, 0.5)
    ? 'tracefs text with the option "raw": events are numbers without names or arguments. ' +
        'Switch it off and read the buffer again: echo noraw > /sys/kernel/tracing/trace_options'
    : null;
}

/** Option `hex`: `PID CPU NS` as fixed-width hex. */
export function recogniseHex(sample: Uint8Array): string | null {
  return most(bodyLines(sample), /^[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16} /, 0.9)
    ? 'tracefs text with the option "hex": events are numbers without names or arguments. ' +
        'Switch it off and read the buffer again: echo nohex > /sys/kernel/tracing/trace_options'
    : null;
}

/** Option `bin`: the header may be text, the events are raw memory. */
export function recogniseBin(sample: Uint8Array): string | null {
  let start = 0;
  if (startsAsTrace(sample)) {
    while (start < sample.length && sample[start] === 35) {
      const nl = sample.indexOf(10, start);
      if (nl < 0) return null;
      start = nl + 1;
    }
  } else return null;
  const limit = Math.min(sample.length, start + 4096);
  let odd = 0;
  for (let i = start; i < limit; i++) {
    const c = sample[i]!;
    if (c < 9 || (c > 13 && c < 32) || c === 127) odd++;
  }
  return limit - start >= 16 && odd * 10 > limit - start
    ? 'tracefs text with the option "bin": events are raw memory. ' +
        'Switch it off and read the buffer again: echo nobin > /sys/kernel/tracing/trace_options'
    : null;
}

/** Option `nocontext-info`: bodies without task, CPU and time. */
export function recogniseNoContext(sample: Uint8Array): string | null {
  const text = sampleText(sample, 4096);
  // Without context the kernel prints the tracer line and no column header at all.
  if (!/^# tracer: (?!function_graph)\S+\n#\n(?!#)/.test(text)) return null;
  const body = bodyLines(sample);
  const bare = /^(?:[\w.]+(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)? <-|[\w.:]+: |sys_\w+(?:\(| -> ))/;
  const timed = /\[\d{3,}\].* \d+(?:\.\d+)?: /;
  return most(body, bare, 0.5) && !body.some((l) => timed.test(l))
    ? 'tracefs text with the option "nocontext-info": no task, CPU or time on the lines. ' +
        'Switch it on and read the buffer again: echo context-info > /sys/kernel/tracing/trace_options'
    : null;
}

/** The first recogniser that knows the input. */
export function recogniseRefusal(sample: Uint8Array): Refusal | null {
  const table = [
    ['trace-bin', recogniseBin],
    ['trace-hex', recogniseHex],
    ['trace-raw', recogniseRaw],
    ['trace-no-context', recogniseNoContext],
  ] as const;
  for (const [id, recognise] of table) {
    const message = recognise(sample);
    if (message !== null) return { id, message };
  }
  return null;
}
