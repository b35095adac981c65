export interface ShippedQuery {
  readonly name: string;
  /** What it answers, without a full stop. */
  readonly what: string;
  readonly sql: string;
}

/**
 * Known to every query. `build_age`: sorts builds in the order in which they were made: by the numbers of the release,
 * where a candidate (`6.17-rc2`) comes before what it became, then by the number of the build (`#12`).
 */
export const MACROS: readonly string[] = [
  `CREATE MACRO number_in(words, pattern, otherwise) AS
  coalesce(try_cast(nullif(regexp_extract(words, pattern, 1), '') AS BIGINT), otherwise)`,
  `CREATE MACRO build_age(kernel, build) AS [
  number_in(kernel, '^(\\d+)', 0), number_in(kernel, '^\\d+\\.(\\d+)', 0),
  number_in(kernel, '^\\d+\\.\\d+\\.(\\d+)', 0), number_in(kernel, '-rc(\\d+)', 1000),
  number_in(build, ' #(\\d+)', 0)]`,
];

/** Runs on each side from which on "all slower than all before" is rarer than 1 in 70 by chance. */
const LEAST_RUNS = 4;
/** Hosts from which on there is a middle to be away from, and the score of Iglewicz and Hoaglin that counts as away. */
const LEAST_HOSTS = 5;
const AWAY = 3.5;

const REGRESSIONS = `WITH known AS (
  SELECT recording, coalesce(build, kernel) AS build, build_age(kernel, build) AS age
  FROM recordings WHERE kernel IS NOT NULL
), decided AS (
  SELECT rule || ' ' || name AS what, age, build, count(*) AS runs,
    count(*) FILTER (verdict = 'violated') AS violated
  FROM verdicts JOIN known USING (recording)
  WHERE verdict IN ('pass', 'violated')
  GROUP BY ALL
), medians AS (
  SELECT 'span ' || call AS what, recording, median(ns) AS ns FROM spans GROUP BY ALL
  UNION ALL
  SELECT 'delay ' || kind, recording, median(ns) FROM delays GROUP BY ALL
), measured AS (
  SELECT what, age, build, count(*) AS runs, min(ns) AS least, median(ns) AS middle, max(ns) AS most
  FROM medians JOIN known USING (recording)
  GROUP BY ALL
), steps AS (
  SELECT what, age, build, runs, violated AS now, lag(build) OVER earlier AS before,
    lag(runs) OVER earlier AS runs_before, lag(violated) OVER earlier AS was,
    violated > 0 AND lag(violated) OVER earlier = 0 AS worse
  FROM decided WINDOW earlier AS (PARTITION BY what ORDER BY age, build)
  UNION ALL
  SELECT what, age, build, runs, middle, lag(build) OVER before_it, lag(runs) OVER before_it,
    lag(middle) OVER before_it,
    runs >= ${LEAST_RUNS} AND lag(runs) OVER before_it >= ${LEAST_RUNS} AND least > lag(most) OVER before_it
  FROM measured WINDOW before_it AS (PARTITION BY what ORDER BY age, build)
)
SELECT what, build, before, runs, runs_before, now, was
FROM steps WHERE worse
ORDER BY age, build, what`;

const OUTLIER_HOSTS = `WITH single AS (
  SELECT kernel, host, 'median of span ' || call AS what, recording, median(ns) AS value FROM spans GROUP BY ALL
  UNION ALL
  SELECT kernel, host, 'median of delay ' || kind, recording, median(ns) FROM delays GROUP BY ALL
  UNION ALL
  SELECT kernel, host, 'share of recordings with findings', recording, CAST(status = 'finding' AS INTEGER)
  FROM recordings
  UNION ALL
  SELECT '' AS kernel, host, 'share of recordings not read to the end', recording,
    CAST(status IN ('unreadable', 'failed') AS INTEGER)
  FROM recordings
  UNION ALL
  SELECT kernel, host, 'share of events lost', recording, lost / (events + lost)
  FROM recordings WHERE events + lost > 0
), hosts AS (
  SELECT coalesce(kernel, '') AS kernel, host, what, count(*) AS recordings,
    CASE WHEN what LIKE 'share%' THEN avg(value) ELSE median(value) END AS value
  FROM single WHERE host IS NOT NULL
  GROUP BY kernel, host, what
), middle AS (
  SELECT kernel, what, count(*) AS hosts, median(value) AS typical FROM hosts GROUP BY ALL
), spread AS (
  SELECT kernel, what, hosts, typical, median(abs(value - typical)) AS half, avg(abs(value - typical)) AS mean
  FROM hosts JOIN middle USING (kernel, what)
  GROUP BY ALL
), scored AS (
  SELECT hosts.*, spread.typical, spread.hosts,
    abs(value - typical) / nullif(CASE WHEN half > 0 THEN 1.4826 * half ELSE 1.2533 * mean END, 0) AS score
  FROM hosts JOIN spread USING (kernel, what)
)
SELECT kernel, host, what, recordings, value, typical, round(score, 1) AS score
FROM scored
WHERE hosts >= ${LEAST_HOSTS} AND score > ${AWAY} AND (what LIKE 'share%' OR abs(value - typical) > typical / 10)
ORDER BY kernel, host, what`;

const NEVER_DECIDED = `WITH reasons AS (
  SELECT rule, why, count(*) AS recordings,
    row_number() OVER (PARTITION BY rule ORDER BY count(*) DESC, why) AS place
  FROM verdicts WHERE verdict = 'unknown'
  GROUP BY rule, why
), never AS (
  SELECT rule, name, severity, count(*) FILTER (verdict = 'unknown') AS unknown,
    count(*) FILTER (verdict = 'not-applicable') AS nothing_to_check
  FROM verdicts
  GROUP BY rule, name, severity
  HAVING unknown > 0 AND count(*) FILTER (verdict IN ('pass', 'violated')) = 0
)
SELECT never.rule, name, severity, unknown, nothing_to_check, why AS most_often, recordings AS so_often
FROM never JOIN reasons ON reasons.rule = never.rule AND place = 1
ORDER BY never.rule`;

export const SHIPPED_QUERIES: readonly ShippedQuery[] = [
  {
    name: 'regressions',
    what: `what a build is worse at than the build before it: rules violated that were held there (now, was: recordings that violate them), times of which each of at least ${LEAST_RUNS} recordings' median is longer than all of theirs (now, was: median, ns)`,
    sql: REGRESSIONS,
  },
  {
    name: 'outlier-hosts',
    what: `hosts that are away from the others on the same kernel (at least ${LEAST_HOSTS} hosts, more than ${AWAY} robust standard deviations): times, findings, damage, loss`,
    sql: OUTLIER_HOSTS,
  },
  {
    name: 'never-decided',
    what: 'rules that no recording decided although some had something to check, and the most frequent reason',
    sql: NEVER_DECIDED,
  },
];
