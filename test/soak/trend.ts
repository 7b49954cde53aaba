/** Whether something grows: a slope that single odd values do not move, and how sure it is. */

/** A value at a time. */
export interface Point {
  time: number
  value: number
}

/** What it grows by in a unit of time: the best guess, and between which two it lies 95 times of a hundred. */
export interface Trend {
  slope: number
  least: number
  most: number
}

/** Standard deviations on either side that 95 of a hundred lie within. */
const confidence = 1.96

/**
 * The estimate of Theil and Sen: the median of the slopes between all pairs of points. Up to a quarter of the points may
 * be anything at all. The interval is Kendall's, for points whose errors have nothing to do with each other.
 */
export function trendOf(points: readonly Point[]): Trend {
  const slopes = slopesOf(points).sort((a, b) => a - b)
  const n = points.length
  const spread = confidence * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  return {
    slope: quantile(slopes, slopes.length / 2),
    least: quantile(slopes, (slopes.length - spread) / 2),
    most: quantile(slopes, (slopes.length + spread) / 2),
  }
}

function slopesOf(points: readonly Point[]): number[] {
  return points.flatMap((a, i) =>
    points
      .slice(i + 1)
      .filter(({ time }) => time > a.time)
      .map(b => (b.value - a.value) / (b.time - a.time)),
  )
}

/** The value at a place that may lie between two, or beyond the ends. */
function quantile(sorted: readonly number[], place: number): number {
  if (place < 0 || place > sorted.length) return place < 0 ? -Infinity : Infinity
  const [low, high] = [
    sorted[Math.max(0, Math.ceil(place) - 1)]!,
    sorted[Math.min(sorted.length - 1, Math.floor(place))]!,
  ]
  return (low + high) / 2
}
