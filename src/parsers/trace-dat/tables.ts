/**
 * Function addresses of `/proc/kallsyms`, looked up as libtraceevent does it (tracecmd `parse_proc_kallsyms`,
 * event-parse.c `find_func`): absolute and `$` symbols left out, of several names at one address the same is taken.
 */
export class SymbolTable {
  private readonly text: Uint8Array;
  private readonly hi: Uint32Array;
  private readonly lo: Uint32Array;
  private readonly nameAt: Uint32Array;
  private readonly names: (string | undefined)[] = [];
  private readonly cache = new Map<number, Map<number, number>>();
  private readonly addresses = new Map<string, bigint>();
  private lastHi = -1;
  private lastMap: Map<number, number> = new Map();

  constructor(kallsyms: Uint8Array) {
    this.text = kallsyms;
    let lines = 1;
    for (let i = 0; i < kallsyms.length; i++) if (kallsyms[i] === 10) lines++;
    const hi = new Uint32Array(lines);
    const lo = new Uint32Array(lines);
    const at = new Uint32Array(lines);
    let n = 0;
    let p = 0;
    while (p < kallsyms.length) {
      let end = kallsyms.indexOf(10, p);
      if (end < 0) end = kallsyms.length;
      let h = 0;
      let l = 0;
      let q = p;
      for (; q < end && q - p < 16; q++) {
        const d = hexDigit(kallsyms[q]!);
        if (d < 0) break;
        h = ((h << 4) | (l >>> 28)) >>> 0;
        l = ((l << 4) | d) >>> 0;
      }
      const kind = kallsyms[q + 1]!;
      const name = q + 3;
      // Per-CPU variables of x86-64 are listed as absolute; arm has a `$a` beside every function.
      if (q > p && name < end && kind !== 65 && kind !== 97 && kallsyms[name] !== 36) {
        hi[n] = h;
        lo[n] = l;
        at[n++] = name;
      }
      p = end + 1;
    }
    // The list is built back to front, then sorted by a stable merge sort.
    const order = new Uint32Array(n);
    let sorted = true;
    for (let i = 0; i < n; i++) order[i] = n - 1 - i;
    for (let i = 1; i < n && sorted; i++)
      sorted = hi[i]! > hi[i - 1]! || (hi[i] === hi[i - 1] && lo[i]! > lo[i - 1]!);
    if (sorted) order.reverse();
    else order.sort((a, b) => hi[a]! - hi[b]! || lo[a]! - lo[b]! || b - a);
    this.hi = new Uint32Array(n);
    this.lo = new Uint32Array(n);
    this.nameAt = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      this.hi[i] = hi[order[i]!]!;
      this.lo[i] = lo[order[i]!]!;
      this.nameAt[i] = at[order[i]!]!;
    }
  }

  get size(): number {
    return this.hi.length;
  }

  /** Index of the function that holds the address, -1 none. */
  find(hi: number, lo: number): number {
    if (hi !== this.lastHi) {
      let m = this.cache.get(hi);
      if (m === undefined) {
        if (this.cache.size > 4096) this.cache.clear();
        this.cache.set(hi, (m = new Map()));
      }
      this.lastHi = hi;
      this.lastMap = m;
    }
    const known = this.lastMap.get(lo);
    if (known !== undefined) return known;
    const found = this.search(hi, lo);
    if (this.lastMap.size > 1 << 16) this.lastMap.clear();
    this.lastMap.set(lo, found);
    return found;
  }

  /** As glibc's bsearch over the map goes, so that duplicates give the same name. */
  private search(hi: number, lo: number): number {
    let l = 0;
    let u = this.hi.length;
    while (l < u) {
      const i = (l + u) >>> 1;
      const c = hi - this.hi[i]! || lo - this.lo[i]!;
      if (c === 0) return i;
      if (c < 0) u = i;
      else if (i + 1 < this.hi.length && (hi - this.hi[i + 1]! || lo - this.lo[i + 1]!) < 0) return i;
      else l = i + 1;
    }
    return -1;
  }

  name(index: number): string {
    let s = this.names[index];
    if (s === undefined) {
      const start = this.nameAt[index]!;
      let end = start;
      while (end < this.text.length && this.text[end]! > 32) end++;
      s = new TextDecoder('latin1').decode(this.text.subarray(start, end));
      this.names[index] = s;
    }
    return s;
  }

  /** Bytes from the function's start to the address. */
  offset(index: number, hi: number, lo: number): number {
    return (hi - this.hi[index]!) * 2 ** 32 + (lo - this.lo[index]!);
  }

  /** Address of a name, 0 unknown; a linear search for rare use. */
  address(name: string): bigint {
    const known = this.addresses.get(name);
    if (known !== undefined) return known;
    const found = this.findName(name);
    this.addresses.set(name, found);
    return found;
  }

  private findName(name: string): bigint {
    for (let i = 0; i < this.size; i++) {
      if (this.name(i) === name) return (BigInt(this.hi[i]!) << 32n) | BigInt(this.lo[i]!);
    }
    return 0n;
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  return c >= 97 && c <= 102 ? c - 87 : -1;
}

/** `printk_formats`: address → text, for bprint formats and for strings printed by address. */
export function readPrintk(text: Uint8Array): Map<bigint, string> {
  const map = new Map<bigint, string>();
  for (const line of new TextDecoder('latin1').decode(text).split('\n')) {
    const m = /^(?:0x)?([0-9a-fA-F]{1,16})\s*:\s?"?(.*)$/s.exec(line);
    if (m === null) continue;
    let s = m[2]!;
    if (s.endsWith('"')) s = s.slice(0, -1);
    if (s.endsWith('\\n')) s = s.slice(0, -2);
    map.set(BigInt(`0x${m[1]}`), s);
  }
  return map;
}

/** Task names by pid, as saved with the recording and learnt from scheduler events on the way. */
export class TaskNames {
  private readonly byPid = new Map<number, string>();

  constructor(saved: Uint8Array) {
    for (const line of new TextDecoder('latin1').decode(saved).split('\n')) {
      const m = /^\s*(\d{1,10}) (.*)$/.exec(line);
      if (m !== null) this.learn(Number(m[1]), m[2]!);
    }
  }

  /** The first name of a pid stays (event-parse.c `tep_register_comm`). */
  learn(pid: number, name: string): boolean {
    if (this.byPid.has(pid) || this.byPid.size > 1 << 22) return false;
    this.byPid.set(pid, name);
    return true;
  }

  knows(pid: number): boolean {
    return this.byPid.has(pid);
  }

  name(pid: number): string {
    return pid === 0 ? '<idle>' : (this.byPid.get(pid) ?? '<...>');
  }
}
