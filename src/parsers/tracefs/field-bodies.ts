import { byName } from '../../result/by-name.js';

/**
 * Bodies that list the raw fields of an event, put back into the form the event's own print format gives, so
 * that everything behind the parser knows one form only:
 *
 *     fields option:  tlb_flush: reason=0x4 (4) pages=0xffffffffffffffff (-1)     → tlb_flush: pages:-1 reason:(4)
 *     report -R:      rcu_grace_period:  rcuname=rcu_preempt gp_seq=16080 gpevent=newreq → rcu_preempt 16080 newreq
 *
 * Sources: kernel/trace/trace_output.c `print_fields()` (since 6.4); libtraceevent `print_event_fields()`;
 * print formats: include/trace/events/{tlb,rcu}.h, kernel/trace/trace_syscalls.c, trace_kprobe.c.
 */
interface Field {
  readonly name: string;
  /** As printed, less its decimal twin. */
  readonly value: string;
  /** The decimal twin of a number; empty for text. */
  readonly decimal: string;
}

/** Events whose print format is not a plain `name=value` list. `{field}` is replaced. */
export const FORMATS: Readonly<Record<string, string>> = byName({
  tlb_flush: 'pages:{pages} reason:({reason})',
  rcu_utilization: '{s}',
  rcu_grace_period: '{rcuname} {gp_seq} {gpevent}',
  rcu_callback: '{rcuname} rhp={rhp} func={func} {qlen}',
  rcu_invoke_callback: '{rcuname} rhp={rhp} func={func}',
  rcu_batch_start: '{rcuname} CBs={qlen} bl={blimit}',
  rcu_watching: '{polarity} {oldnesting} {newnesting} {counter}',
  rcu_dyntick: '{polarity} {oldnesting} {newnesting} {counter}',
});

const FIELD_START = /(?:^| )([A-Za-z_]\w*)=/g;

/** Splits at every ` name=`; a text value that holds such a thing itself cannot be told from a field. */
function fieldsOf(text: string): Field[] {
  const starts = [...text.matchAll(FIELD_START)];
  return starts.map((m, i) => {
    const raw = text.slice(m.index + m[0].length, starts[i + 1]?.index ?? text.length).trimEnd();
    const pointer = /^\(0x[0-9a-f]+:(.*)\)$/s.exec(raw);
    if (pointer) return { name: m[1]!, value: pointer[1]!, decimal: '' };
    const number = /^(\S+) \((-?\d+)\)$/.exec(raw);
    if (number) return { name: m[1]!, value: number[1]!, decimal: number[2]! };
    return { name: m[1]!, value: raw, decimal: '' };
  });
}

/** Small numbers as the print formats have them, in decimal; addresses and symbols as they stand. */
function plainValue(f: Field): string {
  if (f.decimal === '' || !f.value.startsWith('0x')) return f.value;
  const n = Number(f.decimal);
  return n >= -65536 && n < 2 ** 31 ? f.decimal : f.value;
}

/**
 * True when a trace-cmd body is a `-R` list of an event whose print format says it otherwise (its print format
 * does not begin with the name of its first field). Other lists are the same in both forms.
 */
export function isRawBody(name: string, fields: string): boolean {
  if (/^(?:__syscall_nr|nr|__probe_ip|__probe_func)=/.test(fields)) return true;
  const format = FORMATS[name];
  if (format === undefined) return false;
  const first = name === 'tlb_flush' ? 'reason' : /\{(\w+)\}/.exec(format)![1]!;
  return fields.startsWith(`${first}=`);
}

/** True for `name=value` lists; other bodies must be left as they are. */
export const isFieldList = (fields: string): boolean => /^[A-Za-z_]\w*=/.test(fields);

/**
 * `NAME: body` of an event whose fields are `fields`. `text`: syscalls in the form of the kernel's text
 * (`sys_munmap(addr: 0x1, len: 0x2)`) rather than trace-cmd's (`sys_enter_munmap: addr: 0x1, len: 0x2`).
 */
export function rewriteFields(name: string, fields: string, text: boolean): string {
  if (!isFieldList(fields)) return `${name}: ${fields}`;
  const list = fieldsOf(fields);
  const syscall = /^sys_(enter|exit)_(\w+)$/.exec(name);
  if (syscall && /^(?:__syscall_nr|nr)$/.test(list[0]!.name)) {
    const args = list.slice(1);
    if (syscall[1] === 'exit') {
      const ret = args[0]?.value ?? '';
      return text ? `sys_${syscall[2]} -> ${ret}` : `${name}: ${ret}`;
    }
    const shown = args.map((f) => `${f.name}: ${f.value}`).join(', ');
    return text ? `sys_${syscall[2]}(${shown})` : `${name}: ${shown}`;
  }
  const probe = list[0]!.name === '__probe_ip' || list[0]!.name === '__probe_func';
  if (probe) return `${name}: ${probePlace(list)}${list.map(probeArgument).join('')}`;
  const format = FORMATS[name];
  if (format !== undefined) {
    const byName = new Map(list.map((f) => [f.name, plainValue(f)]));
    let complete = true;
    const body = format.replace(/\{(\w+)\}/g, (_, field: string) => {
      const value = byName.get(field);
      if (value === undefined) complete = false;
      return value ?? '';
    });
    if (complete) return `${name}: ${body}`;
  }
  return `${name}: ${list.map((f) => `${f.name}=${plainValue(f)}`).join(' ')}`;
}

/** `(ip)`, or for return probes `(ret_ip <- func)`. */
function probePlace(list: Field[]): string {
  const at = (name: string): string => list.find((f) => f.name === name)?.value ?? '';
  const func = at('__probe_func');
  if (func === '') return `(${at('__probe_ip')})`;
  // The kernel never prints an offset behind the function that returned.
  return `(${at('__probe_ret_ip')} <- ${func.replace(/\+0x0\/0x[0-9a-f]+$/, '')})`;
}

const probeArgument = (f: Field): string => (f.name.startsWith('__probe_') ? '' : ` ${f.name}=${f.value}`);
