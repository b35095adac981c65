import { Flags } from '@oclif/core';

/** Columns of a mail that survives being quoted a few times; also of a pipe, so that a report does not depend on who reads. */
export const MAIL_WIDTH = 75;
/** Longer lines are harder to read than to scroll. */
const WIDEST = 132;
const NARROWEST = 40;

export const widthFlag = {
  width: Flags.integer({
    description: `columns of the report; default: the terminal's, at most ${WIDEST}, in a pipe ${MAIL_WIDTH}`,
    min: NARROWEST,
    max: 400,
  }),
};

/** Columns of human output that has no flag for them; `plain`: of a mail. */
export const lineWidth = (plain = false): number => (plain ? MAIL_WIDTH : widthOf(undefined));

/** Columns to write: what was asked for, else those of the terminal, else a mail's. */
export function widthOf(
  asked: number | undefined,
  out: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): number {
  if (asked !== undefined) return asked;
  // Serial consoles say 0 columns.
  if (out.isTTY !== true || !out.columns) return MAIL_WIDTH;
  return Math.min(WIDEST, Math.max(NARROWEST, out.columns));
}
