import { VERSION } from '../../src/version.js';
import { html, Markup } from './markup.js';

export interface Section {
  /** Anchor, of our own making. */
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

export interface Page {
  readonly title: string;
  /** The answer in a sentence. */
  readonly summary: string;
  readonly tone: 'good' | 'bad' | 'neutral';
  readonly sections: readonly Section[];
}

/** Colours by role, light and dark. */
export const COLOURS = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;--good:#1a7f37;--bad:#b3261e;
--ipi:#b45309;--callback:#7c3aed;--reader:#0969da;--flush:#0f766e;--grace:#57606a;--hold:#b3261e;--walk-cache:#bf3989;--before:#0969da;--after:#b45309}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9198a1;--line:#3d444d;--card:#151b23;--good:#3fb950;--bad:#ff7b72;
--ipi:#e3a04f;--callback:#b392f0;--reader:#58a6ff;--flush:#4fd1c5;--grace:#9198a1;--hold:#ff7b72;--walk-cache:#f778ba;--before:#58a6ff;--after:#e3a04f}}
`;

/** No font, script or picture from elsewhere. */
const CSS = `${COLOURS}*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:.2rem 0 .6rem}h2{font-size:1.1rem;margin:2rem 0 .6rem;border-top:1px solid var(--line);padding-top:1rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}.answer{font-size:1.1rem;border-left:.3rem solid var(--soft);padding:.4rem .8rem;background:var(--card);overflow-wrap:anywhere}
.answer.good{border-color:var(--good)}.answer.bad{border-color:var(--bad)}nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}h1,h3{overflow-wrap:anywhere}a{color:var(--reader)}
.scroll{overflow-x:auto;max-width:100%}table{border-collapse:collapse;font-size:.9rem}th,td{text-align:left;padding:.15rem .6rem .15rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}pre,code{font:13px/1.45 ui-monospace,monospace}pre{overflow-x:auto;background:var(--card);padding:.6rem}
dl{display:grid;grid-template-columns:fit-content(16rem) 1fr;gap:.2rem 1rem}dt{color:var(--soft);overflow-wrap:anywhere}dd{margin:0;overflow-wrap:anywhere}svg{max-width:100%;height:auto;display:block}
svg text{fill:var(--fg);font:12px ui-monospace,monospace}svg .soft{fill:var(--soft)}.pass{color:var(--good)}.violated{color:var(--bad);font-weight:600}.soft{color:var(--soft)}
.heat{background:color-mix(in srgb,var(--ipi) calc(var(--h)*1%),transparent)}summary{cursor:pointer}:focus-visible{outline:2px solid var(--reader);outline-offset:2px}
@media (max-width:40rem){body{padding:.6rem}dl{grid-template-columns:1fr}dt{margin-top:.4rem}svg.wide{min-width:44rem}}
`;

/** One self-contained page: it reads without scripts and loads nothing. */
export function pageText({ title, summary, tone, sections }: Page): string {
  const nav = sections.map((s) => html`<a href="#${s.id}">${s.title}</a>`);
  const body = sections.map(
    (s) =>
      html`<section id="${s.id}" aria-labelledby="${s.id}-h"><h2 id="${s.id}-h">${s.title}</h2>${s.body}</section>\n`,
  );
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="pttrace ${VERSION}"><link rel="icon" href="data:,"><title>${title}</title><style>${new Markup(CSS)}</style></head>
<body><header><h1>${title}</h1><p class="answer ${tone}">${summary}</p><nav aria-label="sections">${nav}</nav></header><main>
${body}</main></body></html>
`.text;
}

/** Name and value pairs. */
export const facts = (rows: readonly (readonly [string, string])[]): Markup =>
  html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

/** A table; `numbers`: columns that stand at the right. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
  numbers: readonly number[] = [],
): Markup {
  const side = (i: number): Markup => new Markup(numbers.includes(i) ? ' class="n"' : '');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table aria-label="${caption}"><thead><tr>${head.map((h, i) => html`<th scope="col"${side(i)}>${h}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td${side(i)}>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
