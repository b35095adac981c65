import { Ansis } from 'ansis';
import type { Verdict } from '../../src/result/types.js';
import { look } from '../look.js';

export interface Palette {
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  verdict(verdict: Verdict): string;
}

/** Colours as `--color` says; of itself on a terminal that has them, without NO_COLOR, and with FORCE_COLOR everywhere. */
export function palette(coloured: boolean = wantsColour()): Palette {
  const a = new Ansis(coloured ? 1 : 0);
  return {
    bold: (text) => a.bold(text),
    red: (text) => a.red(text),
    green: (text) => a.green(text),
    verdict: (verdict) => {
      if (verdict === 'violated') return a.red(verdict);
      if (verdict === 'pass') return a.green(verdict);
      return verdict === 'unknown' ? a.yellow(verdict) : a.gray(verdict);
    },
  };
}

function wantsColour(): boolean {
  const { color } = look();
  if (color !== 'auto') return color === 'always';
  if (process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '') return false;
  if (process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== '0') return true;
  return process.stdout.isTTY === true && process.env.TERM !== 'dumb';
}
