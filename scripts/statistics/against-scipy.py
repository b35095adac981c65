#!/usr/bin/env python3
"""Compares the statistics of this project with SciPy on random cases.

    npm run build
    python3 scripts/statistics/against-scipy.py [cases] [--dist FOLDER] > scripts/statistics/against-scipy.txt

Needs NumPy and SciPy (Debian: python3-scipy). Exits 1 when a quantity is further off than its bound.
"""
import json
import math
import os
import subprocess
import sys

import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import xlogy

here = os.path.dirname(os.path.abspath(__file__))
cases = json.loads(subprocess.check_output(["node", os.path.join(here, "cases.mjs"), *sys.argv[1:]]))
worst = {}


def check(what, ours, theirs, bound=1e-9, absolute=0.0):
    """Largest relative difference per quantity; `absolute` is what both may be off by near 0."""
    if ours is None or not math.isfinite(theirs):
        return
    off = abs(ours - theirs)
    relative = 0.0 if off <= absolute else off / max(abs(theirs), 1e-300)
    seen, n, _ = worst.get(what, (0.0, 0, bound))
    worst[what] = (max(seen, relative), n + 1, bound)


for c in cases:
    a, b = np.array(c["a"], float), np.array(c["b"], float)
    na, nb = a.sum(), b.sum()
    table = np.array([a, b])[:, (a + b) > 0]
    h = c["homogeneity"]
    chi2, p, df, expected = stats.chi2_contingency(table, correction=False)
    check("chi2", h["chi2"], chi2)
    check("degrees of freedom", h["df"], df)
    check("smallest expected count", h["minExpected"], expected.min())
    check("log10 p of chi2", h["log10PChi2"], stats.chi2.logsf(chi2, df) / math.log(10), 1e-8, 1e-12)
    g, pg, _, _ = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    check("G", h["g"], g, 1e-8, 1e-9)
    check("Cramer V", h["cramerV"], stats.contingency.association(table.astype(int), method="cramer"))
    # Expanded to one value per call, in the middle of its row.
    middles = np.sqrt(np.array(c["edges"][:-1]) * np.array(c["edges"][1:]))
    xa, xb = np.repeat(middles, a.astype(int)), np.repeat(middles, b.astype(int))
    ks = stats.ks_2samp(xa, xb, method="asymp")
    check("KS D", c["ks"]["d"], ks.statistic)
    lam = c["ks"]["sqrtNEffD"]
    check("KS p (kstwobign)", c["ks"]["p"], stats.kstwobign.sf(lam), 1e-8, 1e-14)
    mw = stats.mannwhitneyu(xb, xa, use_continuity=False, method="asymptotic")
    check("Mann-Whitney U", c["mannWhitney"]["above"] + c["mannWhitney"]["tied"] / 2, mw.statistic)
    check("Mann-Whitney p", 10 ** c["mannWhitney"]["log10P"], mw.pvalue, 1e-7, 1e-300)
    check("A12", c["superiority"]["a12"], mw.statistic / (na * nb))
    pa, pb = a / na, b / nb
    check("Jensen-Shannon", c["distances"]["jensenShannonBits"], jensenshannon(pa, pb, base=2) ** 2, 1e-7, 1e-12)
    check("total variation", c["distances"]["totalVariation"], np.abs(pa - pb).sum() / 2, 1e-9, 1e-14)
    check("Hellinger", c["distances"]["hellinger"], math.sqrt(((np.sqrt(pa) - np.sqrt(pb)) ** 2).sum() / 2), 1e-7, 1e-9)
    w1 = stats.wasserstein_distance(xa, xb)
    low, high = c["distances"]["wasserstein1LowNs"], c["distances"]["wasserstein1HighNs"]
    check("Wasserstein-1 of mid-row values lies in the bounds", 1.0 if low - 1e-6 <= w1 <= high + 1e-6 else 0.0, 1.0)
    mutual = xlogy(table / (na + nb), table / expected).sum() / math.log(2)
    check("mutual information", h["mutualInformationBits"], mutual, 1e-8, 1e-12)
    t = c["tail"]
    x, y = t["countA"], t["countB"]
    if 0 < x < na and 0 < y < nb:
        rr = stats.contingency.relative_risk(int(y), int(nb), int(x), int(na))
        ci = rr.confidence_interval(0.95)
        check("risk ratio", t["riskRatio"], rr.relative_risk)
        check("risk ratio, low", t["interval"]["low"], ci.low, 1e-8)
        check("risk ratio, high", t["interval"]["high"], ci.high, 1e-8)
    if x + y > 0 and na + nb < 200000:
        fisher = stats.fisher_exact([[x, na - x], [y, nb - y]])
        check("Fisher p", 10 ** t["log10PFisher"], fisher.pvalue, 1e-6, 1e-300)
    w = c["welch"]
    n = min(len(c["welchA"]), len(c["welchB"]))
    for name, theirs, d, reach in (
        ("Welch", stats.ttest_ind(c["welchB"], c["welchA"], equal_var=False), w["difference"], w["welch"]),
        ("paired", stats.ttest_rel(c["welchB"][:n], c["welchA"][:n]), w["paired"]["difference"], w["paired"]["reach"]),
    ):
        ci = theirs.confidence_interval(0.95)
        check(f"{name} interval, low", d - reach, ci.low, 1e-7, 1e-10)
        check(f"{name} interval, high", d + reach, ci.high, 1e-7, 1e-10)
    p, z = c["normalQuantile"]
    check("normal quantile", z, stats.norm.ppf(p), 1e-8, 1e-12)
    q = c["quantile"]
    value = np.quantile(np.arange(1, int(na) + 1), q["q"], method="inverted_cdf")
    check("rank of a quantile", q["rank"], value)
    check("lower bound of the mean", c["mean"]["meanLowNs"], np.repeat(c["edges"][:-1], a.astype(int)).mean())

print(f"{len(cases)} random cases, SciPy {scipy.__version__}, NumPy {np.__version__}")
print(f"{'quantity':52} {'cases':>6} {'worst relative difference':>26} {'bound':>8}")
bad = 0
for what, (off, n, bound) in worst.items():
    bad += off > bound
    print(f"{what:52} {n:6} {off:26.2e} {bound:8.0e}{'' if off <= bound else '  TOO FAR'}")
sys.exit(1 if bad else 0)
