import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { ask } from '../../src/fleet/ask.js';
import { behindFacts, isFactLine, RecordingFacts } from '../../src/parsers/input/recording-facts.js';
import { planRecording, promisedIds } from '../../src/record/plan.js';
import type { Result } from '../../src/result/types.js';
import { debian61, FIXTURES } from './support/kernels.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-facts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const RECORDING = join(FIXTURES, 'debian-6.1.192/ftrace.gz');
const text = gunzipSync(readFileSync(RECORDING)).toString('latin1');

let count = 0;
async function replay(content: string): Promise<Result> {
  const path = join(dir, `${count++}.gz`);
  writeFileSync(path, gzipSync(Buffer.from(content, 'latin1')));
  return analyse({ paths: [path] });
}
const verdicts = (r: Result): unknown => r.invariants.map((i) => [i.id, i.verdict, i.instances, i.basis]);

describe('the level of a recording', () => {
  const bare = text.replace(/^# pttrace: level .*\n/gm, '');

  it.each([
    [['full'], ['full']],
    [
      ['full', 'tables', 'full'],
      ['full', 'tables'],
    ],
    [[], undefined],
  ])('said to be %j: %j', async (said, levels) => {
    const head = said.map((l) => `# pttrace: level ${l}\n`).join('');
    expect((await replay(`${head}${bare}`)).levels).toEqual(levels);
  });
});

describe('the host of a recording', () => {
  const hostOf = (...said: string[]): string => {
    const facts = new RecordingFacts();
    for (const fact of said) {
      const line = Buffer.from(`# pttrace: ${fact}`);
      facts.take(line, 0, line.length);
    }
    return facts.host();
  };

  it.each([
    [['kernel Linux 6.1', 'host lab-3'], 'lab-3'],
    [['host lab 3', 'host lab 3'], 'lab 3'],
    [['host a', 'host b'], ''],
    [['host (none)'], ''],
    [['kernel Linux 6.1', 'hostile x'], ''],
  ])('%j', (said, host) => {
    expect(hostOf(...said)).toBe(host);
  });

  it('is what a summary over recordings and the tables go by', async () => {
    const path = join(dir, 'hosted.gz');
    writeFileSync(path, gzipSync(Buffer.from(`# pttrace: host lab-9\n${text}`, 'latin1')));
    const { row } = await ask({ command: 'replay', reading: {} }, path);
    expect([row.host, row.status]).toEqual(['lab-9', 'no-finding']);
  });
});

describe('whose hits the hot probes recorded', () => {
  it.each([
    [
      'comm~"rd-*"||common_pid==7',
      'recorded only hits of comm~"rd-*"||common_pid==7: readers among other tasks',
    ],
    ['comm != "bpftrace"', 'left out the task bpftrace: readers in it'],
    [
      'comm != "bpftrace" && (comm == "a" || pid == 7)',
      'recorded only hits of comm == "a" || pid == 7: readers among other tasks',
    ],
  ])('filter %s', async (expression, said) => {
    const result = await replay(`# pttrace: filter ${expression}\n${text}`);
    const hot = 'probes on lookups, reader sections and locks';
    const notes = result.inputs[0]!.notes.filter((n) => n.code === 'filtered-probes');
    expect(notes.map((n) => n.message)).toEqual([`${hot} ${said} are not shown`]);
  });
});

describe('a recording that says how it was made', () => {
  it('needs no flags: bases, probes and clock are its own, every line is accounted for', async () => {
    const result = await analyse({ paths: [RECORDING] });
    const base = (which: string): string =>
      new RegExp(`^# pttrace: base ${which} (0x\\w+)$`, 'm').exec(text)![1]!;
    expect(result.bases).toEqual({
      vmemmap: base('vmemmap'),
      directMap: base('direct-map'),
      how: 'recorded',
    });
    expect(result.timeline.clock).toBe('mono');
    const { lines } = result.inputs[0]!;
    expect(lines.total).toBe(text.split('\n').length - 1);
    expect(lines.event + lines.header).toBe(lines.total);
    expect(result.summary.findings).toBe(0);
  });

  it('decides what was promised for its kernel', async () => {
    const result = await analyse({ paths: [RECORDING] });
    for (const id of promisedIds(planRecording(debian61(), 'tables'))) {
      expect(['pass', 'not-applicable'], id).toContain(result.invariants.find((i) => i.id === id)!.verdict);
    }
  });

  it('names its arguments as it likes: the definitions say what they are', async () => {
    // Without the definitions, the third argument would be taken for the table.
    const rename = (line: string): string =>
      line.replace(/\btlb=(\S+) mm=(\S+) (?:page|pmd|pud)=(\S+)$/, 'q1=$3 q2=$2 q3=$1');
    const renamed = text.split('\n').map(rename).join('\n');
    expect(renamed).not.toBe(text);
    expect(verdicts(await replay(renamed))).toEqual(verdicts(await replay(text)));
    const bare = renamed.replace(/^# pttrace: probe .*\n/gm, '');
    expect(verdicts(await replay(bare))).not.toEqual(verdicts(await replay(text)));
  });

  it('a missed probe is told', async () => {
    const result = await replay(`# pttrace: missed flush_tlb_func 3\n${text}`);
    const note = result.inputs[0]!.notes.find((n) => n.code === 'missed-flush_tlb_func');
    expect(note?.message).toMatch(/missed 3 hits/);
  });

  it('flags are believed before the recording', async () => {
    const vmemmap = '0xffffea0000000000';
    const { bases } = await analyse({ paths: [RECORDING], vmemmap, directMap: '0xffff888000000000' });
    expect(bases.how).toBe('given');
    expect(bases.vmemmap).toBe(vmemmap);
  });

  it('recordings of different boots read together are told apart from each other in a note', async () => {
    const other = join(dir, 'other.gz');
    writeFileSync(other, gzipSync(text.replace(/base vmemmap 0x\w+/, 'base vmemmap 0xffffea0000000000')));
    const result = await analyse({ paths: [RECORDING, other] });
    expect(result.inputs[1]!.notes.map((n) => n.code)).toContain('recording-conflict');
  });
});

describe('fact lines', () => {
  const bytes = (s: string): Uint8Array => Buffer.from(s, 'latin1');
  it('are told from the comments of a trace', () => {
    for (const line of ['# pttrace:', '#pttrace: x', '# tracer: nop', ' # pttrace: x']) {
      expect(isFactLine(bytes(line), 0, line.length)).toBe(false);
    }
    expect(isFactLine(bytes('# pttrace: x'), 0, 12)).toBe(true);
    expect(Buffer.from(behindFacts(bytes('# pttrace: a\n# pttrace: b\n# tracer: nop\n'))).toString()).toBe(
      '# tracer: nop\n',
    );
  });

  it('what is damaged is kept, and teaches nothing', () => {
    const facts = new RecordingFacts();
    for (const fact of ['base vmemmap 12', 'base vmemmap', 'probe nonsense', 'missed x', '', 'clock']) {
      const line = `# pttrace: ${fact}`;
      expect(facts.take(bytes(line), 0, line.length)).toBeNull();
    }
    expect([facts.vmemmap, facts.probes, facts.clock]).toEqual([null, [], '']);
    expect(facts.all).toHaveLength(6);
  });
});
