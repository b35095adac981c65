import type { TracefsDir } from '../../../src/record/tracefs.js';

export interface FakeOptions {
  /** Functions that kprobes can be set on. */
  readonly functions: ReadonlySet<string>;
  /** `system:event`. */
  readonly events: ReadonlySet<string>;
  /** Writes to these paths (substring) fail. */
  readonly refuse?: string;
  /** What `trace` of a new instance holds. */
  readonly trace?: string;
  readonly stats?: string;
}

/**
 * tracefs in memory, with the rules of the kernel that matter here: instances come with their files, definitions of
 * probes are global and make events in every instance, what is enabled or open cannot be removed.
 */
export class FakeTracefs implements TracefsDir {
  readonly root = '/fake';
  readonly instances = new Map<string, Map<string, string>>();
  kprobes: string[] = [];
  profile = '';
  openStreams = 0;
  private readonly options: FakeOptions;

  constructor(options: FakeOptions) {
    this.options = options;
  }

  exists(path: string): boolean {
    if (path === 'kprobe_events' || path === 'instances' || path === 'kprobe_profile') return true;
    const m = /^instances\/([^/]+)(?:\/(.+))?$/.exec(path);
    if (!m) return false;
    const files = this.instances.get(m[1]!);
    return files !== undefined && (m[2] === undefined || files.has(m[2]) || this.isEvent(m[2]));
  }

  read(path: string): string {
    if (path === 'kprobe_events') return this.kprobes.map((l) => `${l}\n`).join('');
    if (path === 'kprobe_profile') return this.profile;
    return this.file(path);
  }

  *stream(path: string): Iterable<Uint8Array> {
    this.openStreams++;
    try {
      yield Buffer.from(this.file(path));
    } finally {
      this.openStreams--;
    }
  }

  write(path: string, value: string): void {
    if (path === 'kprobe_events') throw new Error('a write clears everybody’s probes');
    if (this.options.refuse && path.includes(this.options.refuse)) throw fail('EINVAL', path);
    const [, instance, rest] = /^instances\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const files = this.instances.get(instance ?? '');
    if (!files || !rest || !(files.has(rest) || this.isEvent(rest))) throw fail('ENOENT', path);
    files.set(rest, value);
    if (rest.endsWith('/bases/enable') && value === '1') files.set('armed', '1');
  }

  append(path: string, line: string): void {
    if (path !== 'kprobe_events') {
      this.write(path, line);
      return;
    }
    if (line.startsWith('-:')) {
      const name = line.slice(2);
      const event = name.replace('/', ':');
      for (const files of this.instances.values()) {
        if (files.get(`events/${name}/enable`) === '1') throw fail('EBUSY', event);
      }
      this.kprobes = this.kprobes.filter((l) => !l.includes(`:${name} `));
      return;
    }
    const symbol = line.split(' ')[1]!;
    if (!this.options.functions.has(symbol)) throw fail('ENOENT', symbol);
    this.kprobes.push(`${line} `.trimEnd());
  }

  clear(path: string): void {
    this.write(path, '');
  }

  list(path: string): string[] {
    if (path === 'instances') return [...this.instances.keys()];
    if (path.endsWith('/per_cpu')) return ['cpu0', 'cpu1', 'cpu10', 'cpu2'];
    throw fail('ENOENT', path);
  }

  mkdir(path: string): void {
    const name = path.replace('instances/', '');
    if (this.instances.has(name)) throw fail('EEXIST', path);
    const files = new Map<string, string>([
      ['trace', this.options.trace ?? ''],
      ['tracing_on', '1'],
      ['trace_marker', ''],
      ['trace_clock', '[local] mono'],
      ['buffer_size_kb', '1408'],
      ['options/hash-ptr', '1'],
      ['set_ftrace_filter', '#### all functions enabled ####'],
      ['current_tracer', 'nop'],
    ]);
    for (const cpu of ['cpu0', 'cpu1', 'cpu10', 'cpu2'])
      files.set(`per_cpu/${cpu}/stats`, this.options.stats ?? '');
    this.instances.set(name, files);
  }

  rmdir(path: string): void {
    if (this.openStreams > 0) throw fail('EBUSY', path);
    this.instances.delete(path.replace('instances/', ''));
  }

  closeFiles(): void {
    this.openStreams = 0;
  }

  /** A process ends: the probe that reads the bases fires where it is enabled. */
  endProcess(): void {
    for (const files of this.instances.values()) {
      if (files.get('armed') !== '1') continue;
      files.set(
        'trace',
        'sh-1 [000] ..... 1.000000: bases: (exit_mmap+0x4/0x3d0) vmemmap=0xfffff8ef40000000 direct_map=0xffff8c8080000000',
      );
    }
  }

  private file(path: string): string {
    const [, instance, rest] = /^instances\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const text = this.instances.get(instance ?? '')?.get(rest ?? '');
    if (text === undefined) throw fail('ENOENT', path);
    return text;
  }

  private isEvent(rest: string): boolean {
    const m = /^events\/([^/]+)\/([^/]+)\/(?:enable|filter)$/.exec(rest);
    if (!m) return false;
    return (
      this.options.events.has(`${m[1]}:${m[2]}`) || this.kprobes.some((l) => l.includes(`:${m[1]}/${m[2]} `))
    );
  }
}

function fail(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
