import type { Counterexample, Exploration } from '../../src/explore/explore.js';
import type { ExploreReport } from '../../src/explore/report.js';
import { plural } from '../render/verdicts.js';
import { ARROW_END, ARROW_TIP } from './arrow.js';
import { holdOf } from './holds.js';
import { html, type Markup } from './markup.js';
import { facts, pageText, table } from './page.js';

const LABEL = 90;
const STEP = 34;
const LANE = 44;
const RADIUS = 11;
/** An exploration as one page: the answer, and each way to an unsafe state as a space-time diagram. `text`: the whole report. */
export function explorePage(report: ExploreReport, text: string): string {
  const e = report.exploration;
  const amount = `${e.states} states and ${e.steps} steps`;
  const summary = {
    safe: `Safe: every order of steps was looked at, ${amount}.`,
    unsafe: `Unsafe: ${e.unsafeStates} of ${e.states} states; ${e.counterexamples[0]?.text ?? ''}.`,
    stuck: `Stuck: some order of steps ends in a wait forever (${amount}).`,
  } as Readonly<Record<string, string>>;
  return pageText({
    title: `pttrace explore: ${e.title}`,
    summary: summary[e.verdict] ?? `Not decided: nothing unsafe in ${amount}, not everything was seen.`,
    tone: e.verdict === 'safe' ? 'good' : e.verdict === 'unsafe' || e.verdict === 'stuck' ? 'bad' : 'neutral',
    sections: [
      ...e.counterexamples.map((c, i) => ({
        id: `way${i}`,
        title: `${c.text}, in ${plural(c.steps.length, 'step')}`,
        body: html`${lanes(e, c)}${table(
          `steps of way ${i + 1}`,
          ['', 'CPU', 'who', 'step', 'holds after it'],
          c.steps.map((s, n) => [
            String(n + 1),
            s.cpu < 0 ? 'machine' : `CPU ${s.cpu}`,
            s.actor,
            s.text,
            s.holds,
          ]),
        )}${facts((report.invariants[i] ?? []).map((id) => ['replay says violated', id] as const))}`,
      })),
      { id: 'report', title: 'The report', body: html`<pre>${text}</pre>` },
    ],
  });
}

/** A lane per CPU, a column per step; a lane is coloured while its CPU holds something. */
function lanes(e: Exploration, c: Counterexample): Markup {
  const cpus = [...new Set([...e.roles.map((_, i) => i), ...c.steps.map((s) => s.cpu)])].sort(
    (a, b) => a - b,
  );
  const width = LABEL + c.steps.length * STEP + 10;
  const height = cpus.length * LANE + 8;
  const y = (cpu: number): number => cpus.indexOf(cpu) * LANE + 22;
  const rows = cpus.map(
    (cpu) =>
      html`<line x1="${LABEL}" x2="${width - 8}" y1="${y(cpu)}" y2="${y(cpu)}" stroke="var(--line)"/><text x="0" y="${y(cpu) + 4}">${cpu < 0 ? 'machine' : `CPU ${cpu}`}</text>`,
  );
  const bands = cpus.flatMap((cpu) => {
    const own = c.steps.map((s, n) => ({ s, n })).filter(({ s }) => s.cpu === cpu);
    return own.map(({ s, n }, i) => {
      if (s.holds === '') return html``;
      const until = own[i + 1]?.n ?? c.steps.length;
      const { colour } = holdOf(s.holds);
      return html`<rect x="${LABEL + n * STEP + STEP / 2}" y="${y(cpu) - 13}" width="${(until - n) * STEP}" height="26" fill="var(--${colour})" opacity=".25"><title>CPU ${cpu} holds: ${s.holds}</title></rect>`;
    });
  });
  const marks = c.steps.map((s, n) => {
    const x = LABEL + n * STEP + STEP / 2;
    const arrows = s.causes.map((cause) => {
      const from = c.steps[cause]!;
      const [fromX, fromY, toY] = [LABEL + cause * STEP + STEP / 2, y(from.cpu), y(s.cpu)];
      // From circle to circle, not from centre to centre.
      const part = RADIUS / Math.hypot(x - fromX, toY - fromY);
      const [dx, dy] = [(x - fromX) * part, (toY - fromY) * part];
      return html`<line x1="${fromX + dx}" y1="${fromY + dy}" x2="${x - dx}" y2="${toY - dy}" stroke="var(--soft)" ${ARROW_END}/>`;
    });
    return html`<g>${arrows}<circle cx="${x}" cy="${y(s.cpu)}" r="${RADIUS - 1}" fill="var(--bg)" stroke="var(--${n === c.steps.length - 1 ? 'bad' : 'fg'})" stroke-width="2"/><text x="${x}" y="${y(s.cpu) + 4}" text-anchor="middle">${n + 1}</text><title>${s.actor}: ${s.text}</title></g>`;
  });
  return html`<div class="scroll"><svg style="min-width:${width}px" viewBox="0 0 ${width} ${height}" role="img" aria-label="Space-time diagram: ${c.text}. ${c.steps.map((s, n) => `${n + 1}: ${s.text}`).join('; ')}">${ARROW_TIP}${rows}${bands}${marks}</svg></div>${legend(c)}`;
}

/** What the colours of the lanes stand for, and the arrows. */
function legend(c: Counterexample): Markup {
  const held = new Map(
    c.steps.filter((s) => s.holds !== '').map((s) => [holdOf(s.holds).name, holdOf(s.holds).colour]),
  );
  const colours = [...held].map(
    ([name, colour]) => html`<span style="color:var(--${colour})">■</span> ${name} `,
  );
  return html`<p class="soft">${colours}→ answers: an interrupt, the return of a flush, a grace period, a callback</p>`;
}
