import { html, type Markup } from './markup.js';

/** Stands once in a drawing whose lines end in `ARROW_END`. */
export const ARROW_TIP: Markup = html`<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="var(--soft)"/></marker></defs>`;
export const ARROW_END: Markup = html`marker-end="url(#tip)"`;
