import { CATALOGUE } from '../replay/rules/catalogue.js';
import { byName } from '../result/by-name.js';
import type { EventQuote, InputReport } from '../result/types.js';
import type { GateCheck, GateFinding, GateReport, GateTrace } from './types.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/**
 * SARIF 2.1.0 (OASIS): one run, a rule per kind of check, a result per finding; the location is the line of the
 * recording that decides it and the code flow is the story that led there.
 */
export function formatSarif(report: GateReport): string {
  const rules = rulesOf(report);
  const index = new Map(rules.map((rule, i) => [rule.id, i]));
  const results = report.traces.flatMap((trace) =>
    trace.checks
      .filter((check) => check.outcome === 'fail' || check.outcome === 'ignored')
      .flatMap((check) => resultsOf(trace, check, index.get(ruleId(check))!)),
  );
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pttrace',
            semanticVersion: report.version,
            rules,
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: !report.summary.partial }],
        artifacts: report.traces.map((trace) => ({ location: { uri: uri(trace.path) } })),
        results,
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

interface Rule {
  readonly id: string;
  readonly name: string;
  readonly shortDescription: { readonly text: string };
  readonly fullDescription: { readonly text: string };
}

/** Checks of one kind share a rule: `probe x` and `probe y` are both `probe`. */
const ruleId = (check: GateCheck): string => check.id.split(/[ :]/)[0]!;

function rulesOf(report: GateReport): Rule[] {
  const used = [...new Set(report.traces.flatMap((t) => t.checks.map(ruleId)))].sort();
  return used.map((id) => {
    const info = CATALOGUE.find((c) => c.id === id);
    const name = info ? info.name : id;
    return {
      id,
      name: name
        .split('-')
        .map((w) => w.charAt(0).toUpperCase() + w.slice(1))
        .join(''),
      shortDescription: { text: info ? info.statement : (POLICY_RULES[id] ?? `The policy on ${id}`) },
      fullDescription: { text: info ? `${info.why}. Source: ${info.source}` : (POLICY_RULES[id] ?? id) },
    };
  });
}

const POLICY_RULES: Readonly<Record<string, string>> = byName({
  readable: 'The recording can be read to its end',
  internal: 'The recording could be judged without a fault of pttrace',
  variant: 'The recording comes from the expected kernel variant',
  loss: 'The ring buffer lost no more events than allowed',
  lines: 'No more lines than allowed could not be used',
  probe: 'A required probe fired',
  latency: 'A latency keeps its budget',
  baseline: 'A latency has not got worse than the stored baseline allows',
});

function resultsOf(trace: GateTrace, check: GateCheck, ruleIndex: number): object[] {
  const level = check.outcome === 'ignored' ? 'note' : check.level;
  const base = { ruleId: ruleId(check), ruleIndex, level };
  if (check.findings.length === 0) {
    return [
      {
        ...base,
        message: { text: said(check.message, check.next) },
        locations: [{ physicalLocation: file(trace.path, null) }],
      },
    ];
  }
  return check.findings.map((finding) => ({
    ...base,
    message: { text: said(`${finding.message} (${finding.basis})`, check.next) },
    locations: [location(trace.inputs, trace.path, deciding(finding))],
    ...(finding.events.length > 0
      ? {
          codeFlows: [
            {
              threadFlows: [
                {
                  locations: finding.events.map((event) => ({
                    location: {
                      ...location(trace.inputs, trace.path, event),
                      message: { text: `CPU ${event.cpu}: ${event.role}` },
                    },
                  })),
                },
              ],
            },
          ],
        }
      : {}),
    ...(check.outcome === 'ignored'
      ? { suppressions: [{ kind: 'external', justification: check.message }] }
      : {}),
  }));
}

/** The last event of the story is the one that broke the rule. */
const deciding = (finding: GateFinding): EventQuote | null => finding.events.at(-1) ?? null;

const said = (message: string, next: string): string => (next ? `${message} Next: ${next}` : message);

function location(inputs: readonly InputReport[], path: string, event: EventQuote | null): object {
  return { physicalLocation: file(event ? (inputs[event.input]?.path ?? path) : path, event) };
}

function file(path: string, event: EventQuote | null): object {
  const artifactLocation = { uri: uri(path) };
  if (!event || event.line < 1) return { artifactLocation };
  return {
    artifactLocation,
    region: { startLine: event.line, snippet: { text: event.text } },
  };
}

/** Relative paths stay relative; what a URI cannot hold is percent-encoded. */
function uri(path: string): string {
  if (path === '-') return 'stdin';
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}
