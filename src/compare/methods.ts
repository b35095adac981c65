/** How each part of a comparison is worked out; formulas and sources are in docs/statistics.md. */
export const METHODS = {
  count: 'calls with begin and end in the recording',
  rate: 'calls per second of window; with one run a side no interval: calls of one run come in spells',
  seen: 'as seen: the runs do not give an interval',
  sums: 'sum of low*count to sum of (high-1)*count; exact from single durations',
  means: 'sums / count; midpoint means (low+high)/2 and 2^mean(log2 sqrt(low*high)) are conventions',
  meanDifference: '[low(b) - high(a), high(b) - low(a)]: certain, from bins alone',
  outside: '(window - sum) / count, one thread calling back to back',
  dkw: 'sqrt(ln(2/alpha)/2n), Dvoretzky-Kiefer-Wolfowitz, Massart 1990',
  quantiles: 'row of rank ceil(q*n): a fact; point low*(high/low)^(rank/count): a convention',
  shiftBins:
    'ranks q*n +- z*sqrt(n*q*(1-q)) on each side at 1 - alpha/2, outer edges of their rows: holds at least 1 - alpha',
  shiftBootstrap: 'circular block bootstrap, block length of Politis & White 2004, percentile interval',
  homogeneity: 'Pearson chi2 and likelihood ratio G of equal distributions; V = sqrt(chi2/N)',
  kolmogorovSmirnov: 'largest difference of the CDFs; asymptotic p = 2*sum (-1)^(k-1) exp(-2 k^2 l^2)',
  mannWhitney: 'tie-corrected normal form, no continuity correction',
  superiority: 'P(b > a) + ties/2, Vargha & Delaney 2000; bounds: all ties one way or the other',
  distances: 'Jensen-Shannon, total variation, Hellinger of the rows; bounds of Wasserstein-1',
  dominance: 'sign of F_b - F_a at every edge: first-order stochastic dominance',
  tails:
    'calls of at least t; ratio of the fractions, log interval of Katz 1978 as if calls were independent; pooled z; Fisher exact',
  equivalence:
    'the printed interval lies inside the margin (two one-sided tests, Schuirmann 1987, at alpha/2 each)',
  meanNormal: 'normal interval of the mean, calls as independent (their order is not known)',
  meanBounds: 'certain bounds of the mean, every call at the bottom or the top of its row',
  betweenRuns:
    'one number per run (its logarithm for ratios), each side with its own variance, t solved for few runs',
  noUneven:
    'no interval: one side has over 2.5 times the runs of the other, and few runs seldom show rare calls',
  noEdge:
    'no interval: in some runs the quantile lies at the edge of the tail, and the runs are too few or unlike to show it',
  noSingle: 'no interval: in some runs a single call makes up a part of the time that it does not in others',
  noTail: 'no interval: 2 runs a side, or fewer than 8 calls of a run, on average, that are so long',
  pairs: 'one number per pair of runs (the logarithm of its ratio), Student interval',
  superiorityRuns:
    'placements of runs among those of the other side (DeLong 1988, Obuchowski 1997), interval as between runs',
  verdict: 'Hochberg step-up over rate, median and tail, so that all three looks together keep the level',
  plan: 'noncentral t at a third of alpha, power 0.8, from the spread of runs seen',
  failIf:
    'true only if the whole confidence interval satisfies the condition; undecided with one run on a side',
} as const;
