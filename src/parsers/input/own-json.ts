/** What reads JSON that pttrace itself wrote, by the name in its schema. */
const READ_BY: Readonly<Record<string, string>> = {
  result:
    '`pttrace compare` reads the latencies in it, `jq` the rest; to judge the recording again give the recording',
  hist: '`pttrace compare` reads the histograms in it',
  baseline: '`pttrace validate --baseline` reads it',
  plan: '`pttrace shard run --plan` reads it',
  'recording-result': '`pttrace shard merge --results` reads it in its folder',
};
const SCHEMA = /^\s*\{\s*"(?:\$schema"\s*:\s*"[^"]*"\s*,\s*")?schema"\s*:\s*"(pttrace[/-]([\w-]+)\/\d+)"/;

/** Results quote lines of recordings, and must not be read as if these were a recording. Null: not one of ours. */
export function ownJson(text: string): string | null {
  const [, schema, name] = SCHEMA.exec(text) ?? [];
  if (name === undefined) return null;
  const how = READ_BY[name] ?? '`jq` reads it';
  return `is no trace but JSON that pttrace wrote (${schema}): ${how}`;
}
