/** The scripts of the report as text: Chart.js as its package ships it, and our own functions by their source. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { paint } from '../charts/paint.js'
import { chartPlugins } from '../charts/plugins.js'
import { timeline } from '../charts/timeline.js'
import { client } from './client.js'

/** Chart.js as one script that defines `Chart`; the pointer to its source map is cut, or browsers would ask for it. */
export function chartLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('chart.js')
  const text = readFileSync(join(dirname(entry), 'chart.umd.min.js'), 'utf8')
  return safe(text.replace(/^\/\/# sourceMappingURL=.*$/m, ''))
}

export function clientScript(): string {
  return safe(`'use strict'
// Loaders that keep function names wrap functions in __name.
const __name = (made) => made
;(${client.toString()})({
  browser: window,
  Chart: window.Chart,
  paint: ${paint.toString()},
  chartPlugins: ${chartPlugins.toString()},
  timeline: ${timeline.toString()},
})
`)
}

/** In a script, `<` only occurs in a comparison; before a slash or an exclamation mark it could end or hide the script. */
function safe(script: string): string {
  return script.replace(/<(?=\/script|!--)/gi, '\\x3c')
}
