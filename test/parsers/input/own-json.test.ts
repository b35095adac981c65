import { describe, expect, it } from 'vitest';
import { ownJson } from '../../../src/parsers/input/own-json.js';
import { TraceError } from '../../../src/parsers/input/trace-error.js';
import { replayFile } from '../../replay/support/replay.js';

const TEXT =
  '            init-1       [000] .....     0.000001: call_rcu: (call_rcu+0x4/0x10) head=0x1 func=f';
const result = (schema: string): string =>
  JSON.stringify(
    { schema, version: '0.1.0', findings: Array.from({ length: 50 }, () => ({ text: TEXT })) },
    null,
    2,
  );

describe('JSON that pttrace wrote', () => {
  it('is no trace, although it quotes one, and the refusal says what reads it', async () => {
    const refused = replayFile(result('pttrace/result/1'));
    await expect(refused).rejects.toThrow(TraceError);
    await expect(refused).rejects.toThrow(/pttrace\/result\/1\): `pttrace compare` reads the latencies/);
    await expect(replayFile(result('pttrace/baseline/1'))).rejects.toThrow('validate --baseline');
    await expect(replayFile(result('pttrace/gate/1'))).rejects.toThrow('`jq` reads it');
  });

  it('is told by its schema alone', () => {
    expect(ownJson(JSON.stringify({ schema: 'pttrace/info/1' }))).toContain('pttrace/info/1');
    expect(ownJson(JSON.stringify({ schema: 'x/result/1' }))).toBeNull();
    expect(ownJson(JSON.stringify({ a: { schema: 'pttrace/result/1' } }))).toBeNull();
    expect(ownJson(TEXT)).toBeNull();
  });
});
