/** Reads the link's counters while traffic flows and turns them into throughput per path and direction over time. */
import type { PathUse } from '../results/schema.js'
import type { DirectionCounters, LinkCounters, ShaperBackend } from '../shaping/backend.js'

const DIRECTIONS = ['up', 'down'] as const

/**
 * What each path carried between the first and the last reading. Delivered frames count, not offered ones.
 *
 * @param zeroMs CLOCK_MONOTONIC time that becomes 0 in the series; earlier points get negative times
 */
export function pathUses(readings: readonly LinkCounters[], zeroMs: number): PathUse[] {
  const first = readings[0]
  const last = readings.at(-1)
  if (!first || !last) return []
  return Object.keys(last.paths).flatMap((path) =>
    DIRECTIONS.flatMap((direction) => {
      const start = first.paths[path]?.[direction]
      const end = last.paths[path]?.[direction]
      if (!start || !end) return []
      const grown = (key: keyof DirectionCounters): number => Number(end[key]) - Number(start[key])
      return [
        {
          path,
          direction,
          packets: grown('outPackets'),
          bytes: grown('outBytes'),
          drops: {
            queue: grown('dropQueue'),
            loss: grown('dropLoss'),
            aqm: grown('dropAqm'),
            blackhole: grown('dropBlackhole'),
            other: grown('dropOther') + grown('dropEmulator'),
          },
          queueHighWaterBytes: end.queueHighWaterBytes,
          sojournMaxMs: end.sojournMaxMs,
          series: series(readings, path, direction, zeroMs),
        },
      ]
    }),
  )
}

/** Frames that the emulator itself lost between the first and the last reading, over all paths. */
export function emulatorDrops(readings: readonly LinkCounters[]): number {
  const total = (reading: LinkCounters | undefined): number =>
    Object.values(reading?.paths ?? {}).reduce((sum, both) => sum + both.up.dropEmulator + both.down.dropEmulator, 0)
  return total(readings.at(-1)) - total(readings[0])
}

function series(
  readings: readonly LinkCounters[],
  path: string,
  direction: 'up' | 'down',
  zeroMs: number,
): PathUse['series'] {
  return readings.slice(1).flatMap((reading, index) => {
    const before = readings[index]
    const spanMs = reading.atMs - (before?.atMs ?? 0)
    const bytes = (reading.paths[path]?.[direction].outBytes ?? 0) - (before?.paths[path]?.[direction].outBytes ?? 0)
    return before && spanMs > 0
      ? [{ atMs: round(reading.atMs - zeroMs), bitsPerSecond: round((bytes * 8e3) / spanMs) }]
      : []
  })
}

const round = (value: number): number => Math.round(value * 10) / 10

/** Keeps reading until stopped. A reading that fails (the emulator died) ends it; the run then fails elsewhere. */
export class LinkRecorder {
  readonly readings: LinkCounters[] = []
  #stopped = false
  readonly #done: Promise<void>

  constructor(
    readonly shaper: ShaperBackend,
    readonly intervalMs = 100,
  ) {
    this.#done = this.#loop()
  }

  async stop(): Promise<LinkCounters[]> {
    this.#stopped = true
    await this.#done
    await this.#read()
    return this.readings
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      if (!(await this.#read())) return
      await new Promise((resolve) => setTimeout(resolve, this.intervalMs))
    }
  }

  async #read(): Promise<boolean> {
    try {
      this.readings.push(await this.shaper.counters())
      return true
    } catch {
      return false
    }
  }
}
