import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { btfOffsets } from '../../src/record/btf.js';

// The compiler writes the BTF, and says itself where each member lies.

const STRUCTS = `
typedef struct { int counter; } atomic_t;
typedef unsigned long ulong_t;
struct list_head { struct list_head *next, *prev; };
enum state { A, B };
struct rw_semaphore { atomic_t count; const volatile ulong_t owner; struct list_head wait_list; };
struct mm_struct {
  struct {
    struct { atomic_t mm_count; } __attribute__((aligned(64)));
    ulong_t task_size;
    union { long pgd; struct { short low; const struct rw_semaphore mmap_lock; }; };
    char name[13];
    enum state state;
  };
  unsigned int flags : 3;
  unsigned int bits : 7;
  int (*call)(struct mm_struct *, int);
  struct rw_semaphore other;
  int last;
};
struct empty;
struct user { struct mm_struct *mm; struct empty *e; };
`;
const MEMBERS = [
  'mm_struct.mm_count',
  'mm_struct.mm_count.counter',
  'mm_struct.task_size',
  'mm_struct.pgd',
  'mm_struct.mmap_lock.count',
  'mm_struct.mmap_lock.wait_list.prev',
  'mm_struct.state',
  'mm_struct.call',
  'mm_struct.other.owner',
  'mm_struct.last',
  'user.e',
];
const gcc = spawnSync('sh', ['-c', 'command -v gcc && command -v objcopy']).status === 0;

describe.skipIf(!gcc && !process.env.CI)('BTF that gcc writes (skipped where gcc is not installed)', () => {
  let dir = '';
  let blob = new Uint8Array();
  const said = new Map<string, number>();

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { cwd: dir, encoding: 'utf8' });
    writeFileSync(join(dir, 'types.c'), `${STRUCTS}struct mm_struct init_mm; struct user u;\n`);
    run('gcc', '-gbtf', '-c', 'types.c', '-o', 'types.o');
    run(
      'objcopy',
      '-O',
      'binary',
      '--only-section=.BTF',
      '--set-section-flags',
      '.BTF=alloc',
      'types.o',
      'btf',
    );
    blob = readFileSync(join(dir, 'btf'));
    const prints = MEMBERS.map((path) => {
      const [name, ...rest] = path.split('.');
      return `printf("${path} %zu\\n", __builtin_offsetof(struct ${name}, ${rest.join('.')}));`;
    });
    writeFileSync(
      join(dir, 'offsets.c'),
      `#include <stdio.h>\n${STRUCTS}int main(void) { ${prints.join('\n')} return 0; }\n`,
    );
    run('gcc', 'offsets.c', '-o', 'offsets');
    for (const line of run('./offsets').trim().split('\n')) {
      const [path, bytes] = line.split(' ');
      said.set(path!, Number(bytes));
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('says where each member lies', () => {
    expect(said.size).toBe(MEMBERS.length);
    expect(btfOffsets(blob, MEMBERS)).toEqual(said);
  });

  it('has no offset for what does not exist, or leads through a pointer', () => {
    const none = ['mm_struct.none', 'nothing.at.all', 'mm_struct.task_size.x', 'user.mm.last', 'empty.x'];
    expect(btfOffsets(blob, none).size).toBe(0);
  });

  it('cut or changed anywhere: offsets, or an error that says what is wrong', () => {
    for (let n = 0; n < blob.length; n++) {
      const bent = Uint8Array.from(blob);
      bent[n] = (bent[n]! ^ (0x55 + n)) & 0xff;
      for (const bytes of [blob.subarray(0, n), bent]) {
        try {
          for (const offset of btfOffsets(bytes, MEMBERS).values()) expect(offset).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect((error as Error).message).toMatch(/BTF/);
        }
      }
    }
  });
});
