/** The lab as a drawing: two hosts, one curve per path, the internet behind the server. */
import type { DirectionSpec, Result } from '../../../harness/results/schema.js'
import { pathColour } from '../../charts/palette.js'
import { describePath } from '../../model/headline.js'
import { percent } from '../../model/metrics.js'
import { html, type Html } from '../html.js'

/** Units of the drawing. */
const WIDTH = 860
const ROW = 60

export function topology(result: Result): Html {
  const count = Math.max(1, result.paths.length)
  const height = Math.max(92, count * ROW + 24)
  const middle = height / 2
  return html`<h3>The lab</h3>
    <div class="scroll">
      <svg class="topology" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${alternative(result)}">
        ${result.paths.map((path, index) => {
          const y = middle + (index - (count - 1) / 2) * ROW
          return html`<path
              d="M100 ${middle} C 150 ${middle} 150 ${y} 205 ${y} L 535 ${y} C 590 ${y} 590 ${middle} 640 ${middle}"
              fill="none"
              style="stroke:var(--${pathColour(index).slice(1)})"
              stroke-width="2.5"
            />
            <text x="370" y="${y - 7}" text-anchor="middle" fill="currentColor" font-size="14"
              >${describePath(path)}</text
            >
            <text x="370" y="${y + 15}" text-anchor="middle" fill="currentColor" opacity=".6" font-size="11.5">
              ${oddities(path.up, path.down)}
            </text>`
        })}
        <path d="M730 ${middle} L 760 ${middle}" stroke="currentColor" opacity=".5" stroke-width="1.5" />
        ${host(10, middle, 'client')} ${host(640, middle, 'server')} ${host(760, middle, 'internet')}
      </svg>
    </div>
    ${
      result.scenario.topology !== '' &&
      html`<details>
        <summary>As text</summary>
        <pre>${result.scenario.topology}</pre>
      </details>`
    }`
}

function host(x: number, middle: number, name: string): Html {
  return html`<rect
      x="${x}"
      y="${middle - 19}"
      width="90"
      height="38"
      rx="9"
      fill="none"
      stroke="currentColor"
      opacity=".65"
    />
    <text x="${x + 45}" y="${middle + 5}" text-anchor="middle" fill="currentColor" font-size="14">${name}</text>`
}

/** What the first line leaves out: queue, jitter, loss, reordering. */
function oddities(up: DirectionSpec, down: DirectionSpec): string {
  const one = (spec: DirectionSpec): string => {
    const size = 'bytes' in spec.queue ? `${Math.round(spec.queue.bytes / 1000)} kB` : `${spec.queue.packets} packets`
    return [
      `queue ${size}${spec.aqm === 'droptail' ? '' : ` ${spec.aqm}`}`,
      ...(spec.jitterMs > 0 ? [`jitter ${spec.jitterMs} ms`] : []),
      ...(spec.loss === null
        ? []
        : [spec.loss.kind === 'random' ? `loss ${percent(spec.loss.probability, 2)}` : 'bursty loss']),
      ...(spec.reorder > 0 ? [`reordering ${percent(spec.reorder, 2)}`] : []),
      ...(spec.duplicate > 0 ? [`duplicates ${percent(spec.duplicate, 2)}`] : []),
    ].join(', ')
  }
  const [upText, downText] = [one(up), one(down)]
  return upText === downText ? upText : `up ${upText}; down ${downText}`
}

function alternative(result: Result): string {
  return `Client and server joined by ${result.paths.length} paths: ${result.paths.map(describePath).join('; ')}. Behind the server, the internet host.`
}
