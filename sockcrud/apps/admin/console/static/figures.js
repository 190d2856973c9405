// What two looks at the overview tell together: rates, and how long requests took.

/**
 * Return what happened between two looks: of each dialect and of all, requests a second and p99.
 * Where there is nothing to compare, as the second was at another process of the daemon, return null.
 */
export function between(before, after) {
  if (before?.process !== after.process) return null;
  const seconds = after.seconds - before.seconds;
  const of = new Map(before.dialects.map((dialect) => [dialect.name, dialect.answered]));
  const all = after.bounds.map(() => 0).concat(0);
  const dialects = new Map();
  for (const { name, answered } of after.dialects) {
    const earlier = of.get(name) ?? [];
    const counts = answered.map((count, at) => Math.max(0, count - (earlier[at] ?? 0)));
    counts.forEach((count, at) => (all[at] += count));
    dialects.set(name, figures(counts, after.bounds, seconds));
  }
  return { all: figures(all, after.bounds, seconds), dialects };
}

function figures(counts, bounds, seconds) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return { rate: seconds > 0 ? total / seconds : 0, p99: percentile(counts, bounds, 0.99) };
}

/** Return the seconds that this part of the requests took at most, about; null where there are none. */
export function percentile(counts, bounds, part) {
  const wanted = counts.reduce((sum, count) => sum + count, 0) * part;
  if (wanted === 0) return null;
  let below = 0;
  for (let at = 0; at < bounds.length; at += 1) {
    if (below + counts[at] >= wanted) {
      const low = at ? bounds[at - 1] : 0;
      return low + ((wanted - below) / counts[at]) * (bounds[at] - low);
    }
    below += counts[at];
  }
  return bounds.at(-1);
}

/** Write a rate. */
export const perSecond = (rate) => `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en")}/s`;

/** Write a time. */
export function duration(seconds) {
  if (seconds === null) return "–";
  const milliseconds = seconds * 1000;
  if (milliseconds < 1) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
  return `${seconds.toFixed(1)} s`;
}
