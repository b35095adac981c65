/** The reports of pttrace for people, by what stands in each of them and in no recording. */
const REPORTS: readonly { readonly command: string; readonly mark: RegExp; readonly json: boolean }[] = [
  { command: 'replay', mark: /^ *rules +of \d+ rules? \d+ held/m, json: true },
  { command: 'compare', mark: /^ +before +after +change +interval verdict *$/m, json: true },
  { command: 'breakdown', mark: /^ *phase +sum +part +p50/m, json: false },
  { command: 'info', mark: /^ *kernel variants it allows: /m, json: false },
  { command: 'validate', mark: /^gate: (?:red|green|grey)\b/m, json: false },
];

/**
 * What to say of a text that pttrace itself printed for people, quoted or not: it rounds and leaves out, so it is no
 * recording. Null for any other text.
 */
export function ownReport(text: string): string | null {
  const bare = text.replace(/^[>|] ?/gm, '');
  const found = REPORTS.find((r) => r.mark.test(bare));
  if (found === undefined) return null;
  const instead = found.json
    ? `its numbers are rounded. Give the recording itself, or what \`pttrace ${found.command} --json\` prints, which \`pttrace hist\` and \`pttrace compare\` read`
    : 'give the recording itself';
  return `is a report that \`pttrace ${found.command}\` printed, no recording: ${instead}`;
}
