/** Which colour name each subject and path has, the same in all charts of a report. */
import type { Result } from '../../harness/results/schema.js'

/** Colours of contenders, baselines and paths; beyond these they repeat. */
const CONTENDERS = 8
const BASELINES = 3
const PATHS = 4

/** `@s0` … for subjects that are measured, `@d0` … for direct paths. */
export function subjectColour(result: Result, id: string): string {
  const direct = result.subjects.filter((subject) => subject.kind === 'direct')
  const place = direct.findIndex((subject) => subject.id === id)
  if (place >= 0) return `@d${place % BASELINES}`
  const others = result.subjects.filter((subject) => subject.kind !== 'direct')
  return `@s${
    Math.max(
      0,
      others.findIndex((subject) => subject.id === id),
    ) % CONTENDERS
  }`
}

export function pathColour(index: number): string {
  return `@p${index % PATHS}`
}

/** Okabe and Ito's colours, which people with any colour vision can tell apart, adapted to each background. */
export const themes = {
  light: {
    text: '#1c2330',
    muted: '#5a6575',
    grid: '#e3e7ed',
    card: '#ffffff',
    bad: '#c62828',
    good: '#1b7f4b',
    s: ['#0b6fb8', '#d55e00', '#008f68', '#8a4fd3', '#c2558f', '#9a7400', '#2f93c9', '#b3362b'],
    d: ['#5f6b7a', '#9aa5b2', '#c1c9d2'],
    p: ['#168f86', '#e09a1f', '#7d62c9', '#c9557a'],
  },
  dark: {
    text: '#e7ebf2',
    muted: '#9aa6b6',
    grid: '#2b3442',
    card: '#161c26',
    bad: '#ff7b72',
    good: '#4cc38a',
    s: ['#58a6ff', '#ff9452', '#3ecf9f', '#b794f6', '#f091c4', '#e3b341', '#79c8f5', '#ff8178'],
    d: ['#a9b4c2', '#76818f', '#525c69'],
    p: ['#3cc9bd', '#f0b64a', '#a58cf0', '#ee84a5'],
  },
} as const

export type Theme = (typeof themes)[keyof typeof themes]
