/**
 * Draws a scenario's lab, for the terminal and every report:
 *
 * ```
 *           ┌── a: 300 Mbit/s, 10 ms, queue 750 kB ──────────────────────────┐
 *  client ──┤                                                                ├── server
 *           └── b: up 10 / down 40 Mbit/s, 25 ms ± 4 ms, loss 0.3 %, 100 packets ──┘
 * ```
 */
import { expectedLoss } from './loss.js'
import type { DirectionSpec, PathSpec, Scenario } from './types.js'
import { formatDuration, formatPercent, formatRate, formatSize } from './units.js'

const LEFT = ' client ──'
const RIGHT = '── server'

/** Lines without a final newline; delays are one way. */
export function drawTopology({ paths }: Pick<Scenario, 'paths'>): string {
  const texts = paths.map((path) => ` ${path.name}: ${describePath(path)} `)
  const width = Math.max(...texts.map((text) => text.length))
  if (paths.length === 1) return `${LEFT}──${texts[0]}──${RIGHT}`
  const middle = Math.floor((paths.length - 1) / 2)
  const lines: string[] = []
  texts.forEach((text, i) => {
    const [open, close] = i === 0 ? '┌┐' : i === paths.length - 1 ? '└┘' : i === middle ? '┼┼' : '├┤'
    const [left, right] = i === middle && i > 0 && i < paths.length - 1 ? [LEFT, RIGHT] : [' '.repeat(LEFT.length), '']
    lines.push(`${left}${open}──${text.padEnd(width, '─')}──${close}${right}`.trimEnd())
    if (i === middle && !(i > 0 && i < paths.length - 1)) lines.push(`${LEFT}┤${' '.repeat(width + 4)}├${RIGHT}`)
  })
  return lines.join('\n')
}

/** `up 10 / down 40 Mbit/s, 25 ms ± 4 ms, loss 0.3 %, queue 100 packets`. */
export function describePath({ up, down, mtu }: PathSpec): string {
  const parts = [
    split(up, down, rateText),
    split(up, down, delayText),
    split(up, down, (d) => (d.loss === null ? '' : `loss ${lossText(d)}`)),
    split(up, down, (d) => (d.reorder === 0 ? '' : `reorder ${formatPercent(d.reorder)}`)),
    split(up, down, (d) => (d.duplicate === 0 ? '' : `duplicate ${formatPercent(d.duplicate)}`)),
    split(up, down, queueText),
    mtu === 1500 ? '' : `MTU ${mtu}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** Once when both directions are the same, else `up … / down …`. */
function split(up: DirectionSpec, down: DirectionSpec, text: (spec: DirectionSpec) => string): string {
  const [u, d] = [text(up), text(down)]
  return u === d ? u : `up ${u || 'none'} / down ${d || 'none'}`
}

function rateText({ bitsPerSecond, trace }: DirectionSpec): string {
  return trace === null ? spaced(formatRate(bitsPerSecond)) : `trace ${trace.split('/').at(-1)!}`
}

function delayText({ delayMs, jitterMs, jitterReorders }: DirectionSpec): string {
  const jitter = jitterMs === 0 ? '' : ` ± ${spaced(formatDuration(jitterMs))}${jitterReorders ? ' (reorders)' : ''}`
  return spaced(formatDuration(delayMs)) + jitter
}

function lossText({ loss }: DirectionSpec): string {
  const share = Number((expectedLoss(loss) * 100).toPrecision(3))
  return loss?.kind === 'gilbert' ? `${share}% in bursts` : `${share}%`
}

function queueText({ bitsPerSecond, trace, queue, aqm }: DirectionSpec): string {
  if (bitsPerSecond === null && trace === null) return ''
  const size = 'packets' in queue ? `${queue.packets} packets` : spaced(formatSize(queue.bytes))
  return `queue ${size}${aqm === 'codel' ? ' CoDel' : ''}`
}

/** `300mbit` → `300 Mbit/s`, `10ms` → `10 ms`. */
function spaced(text: string): string {
  return text
    .replace(/^([\d.]+)([a-zA-Z]+)$/, '$1 $2')
    .replace(/ ([kmg])bit$/, (_, prefix: string) => ` ${prefix === 'k' ? 'k' : prefix.toUpperCase()}bit/s`)
    .replace(/ bit$/, ' bit/s')
}
