import { DEFAULT_MARGINS, type Margins } from '../latency/statistics/equivalence.js';
import { UsageError } from '../result/usage-error.js';

/**
 * `10%`: the ratio of a quantile may be off by so much; `a12=0.05,tail=1.5,quantile=1.1` names the margins one by
 * one. What is not named keeps its default.
 * Throws UsageError.
 */
export function parseMargins(text: string): Margins {
  const margins: { a12: number; riskRatio: number; quantileRatio: number } = { ...DEFAULT_MARGINS };
  for (const part of text.split(',').map((p) => p.trim())) {
    const percent = /^(\d+(?:\.\d+)?)%$/.exec(part);
    const named = /^(a12|tail|quantile)=(\d+(?:\.\d+)?)(%|x)?$/.exec(part);
    if (percent !== null) margins.quantileRatio = 1 + Number(percent[1]) / 100;
    else if (named !== null) {
      const value = named[3] === '%' ? 1 + Number(named[2]) / 100 : Number(named[2]);
      if (named[1] === 'a12') margins.a12 = value;
      else if (named[1] === 'tail') margins.riskRatio = value;
      else margins.quantileRatio = value;
    } else throw wrong(text);
  }
  if (!(margins.a12 > 0 && margins.a12 <= 0.5 && margins.riskRatio > 1 && margins.quantileRatio > 1)) {
    throw wrong(text);
  }
  return margins;
}

const wrong = (text: string): UsageError =>
  new UsageError(
    `--margin wants e.g. 10% (quantiles), or a12=0.05,tail=1.5,quantile=1.1 with a12 up to 0.5 and ratios above 1, not "${text}"`,
  );

/** `3%` → the standard deviation of the logarithm that runs of one kernel have. Throws UsageError. */
export function parseSpread(text: string): number {
  const m = /^(\d+(?:\.\d+)?)%$/.exec(text.trim());
  const percent = m ? Number(m[1]) : Number.NaN;
  if (!(percent > 0 && percent <= 100))
    throw new UsageError(`--spread wants percent above 0, e.g. 3%, not "${text}"`);
  return Math.log1p(percent / 100);
}
