/**
 * A chart as plain JSON: a Chart.js configuration without functions, whose colours are names (`@text`, `@s2/35`) that
 * `paint` turns into colours of a theme. HTML and PNG draw the same object.
 */
export interface ChartConfig {
  type: 'bar' | 'line'
  data: { labels?: (string | string[])[]; datasets: Dataset[] }
  options: Record<string, unknown>
}

export interface Point {
  x: number
  y: number | null
}

export interface Dataset {
  label: string
  data: (number | null)[] | Point[]
  /** One text per point, shown under the pointer. */
  hints?: (string | null)[]
  /** Every repeat's value, per bar; drawn as dots. */
  repeats?: number[][]
  /** Indices into the repeats of one bar that are outliers; drawn hollow. */
  outliers?: number[][]
  /** Interval of the median, per bar; drawn as whiskers. */
  intervals?: ([number, number] | null)[]
  [option: string]: unknown
}

/** A chart with everything that a renderer needs around it. */
export interface ChartSpec {
  /** Unique in a report; also the file name of the PNG. */
  id: string
  title: string
  /** What the chart shows, as text for those who cannot see it. */
  alternative: string
  config: ChartConfig
  /** The same numbers, for people and programs that read tables. */
  table: { head: string[]; rows: string[][] }
  /** Groups × bars: how wide it should be to be legible, in pixels. */
  leastWidth: number
}

/** Options of the plug-in `references`: lines across one group of bars. */
export interface ReferenceLines {
  groups: { best: number | null; sum: number | null }[]
}

/** Options of the plug-in `marks`: what happened while the traffic ran. Seconds. */
export interface Marks {
  lines: { at: number; label: string }[]
  spans: { from: number; to: number; label: string; tone: 'plain' | 'quiet' | 'loud' }[]
}
