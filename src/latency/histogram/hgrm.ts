import type { Distribution } from './distribution.js';
import { floorLog2, logLinearLow } from './log-linear.js';

/**
 * Percentile distribution in the text form of HdrHistogram (`.hgrm`), 3 significant digits, as
 * `Histogram.outputPercentileDistribution()` writes it (org.HdrHistogram.AbstractHistogram, PercentileIterator).
 * Counts go through HdrHistogram's own buckets (2048 sub-buckets), which those of `Distribution` are finer than, so
 * the text does not depend on whether single values are still known. Values are ns divided by `scale`.
 */
export function hgrmText(d: Distribution, scale = 1, ticksPerHalf = 5): string {
  const bins = hdrBins(d);
  const total = d.count;
  let text = '       Value     Percentile TotalCount 1/(1-Percentile)\n\n';
  const n = (v: number): string => three.format(v / scale).padStart(12);
  let level = 0;
  let at = 0;
  let seen = bins.length === 0 ? 0 : bins[0]!.count;
  const row = (value: number, count: number, percent: number): void => {
    const inverse = percent >= 100 ? '' : ` ${two.format(1 / (1 - percent / 100)).padStart(14)}`;
    const quantile = twelve.format(percent / 100);
    text += `${n(value)} ${quantile} ${String(count).padStart(10)}${inverse}\n`;
  };
  while (at < bins.length) {
    if ((100 * seen) / total >= level) {
      row(bins[at]!.high, seen, level);
      if (seen >= total) break;
      const ticks = ticksPerHalf * 2 ** (Math.floor(Math.log2(100 / (100 - level))) + 1);
      level += 100 / ticks;
    } else seen += bins[++at]!.count;
  }
  if (bins.length > 0) row(bins.at(-1)!.high, total, 100);
  let sum = 0;
  for (const b of bins) sum += b.middle * b.count;
  const mean = total === 0 ? 0 : sum / total;
  let square = 0;
  for (const b of bins) square += (b.middle - mean) ** 2 * b.count;
  const deviation = total === 0 ? 0 : Math.sqrt(square / total);
  const max = total === 0 ? 0 : d.maxNs;
  return `${text}#[Mean    = ${n(mean)}, StdDeviation   = ${n(deviation)}]
#[Max     = ${n(max)}, Total count    = ${String(total).padStart(12)}]
#[Buckets = ${String(bucketsNeeded(max)).padStart(12)}, SubBuckets     = ${String(SUB_BUCKETS).padStart(12)}]
`;
}

const SUB_BUCKETS = 2048;

/** Rounds halves up by the decimal digits, as the original does; `toFixed` rounds by the binary value. */
const decimals = (digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat('en-US', {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
    useGrouping: false,
  });
const two = decimals(2);
const three = decimals(3);
const twelve = decimals(12);

/** Occupied HdrHistogram buckets: 2048 of width 1, then 1024 per power of two. */
function hdrBins(d: Distribution): { high: number; middle: number; count: number }[] {
  const out: { high: number; middle: number; count: number }[] = [];
  let last = -1;
  for (const [index, count] of d.occupiedBins()) {
    const v = logLinearLow(index);
    const size = v < SUB_BUCKETS ? 1 : 2 ** (floorLog2(v) - 10);
    const low = Math.floor(v / size) * size;
    if (low === last) out.at(-1)!.count += count;
    else out.push({ high: low + size - 1, middle: low + Math.floor(size / 2), count });
    last = low;
  }
  return out;
}

/** Buckets of a histogram that is just large enough for `max`. */
function bucketsNeeded(max: number): number {
  let n = 1;
  for (let reach = SUB_BUCKETS; reach <= Math.max(2, max); reach *= 2) n++;
  return n;
}
