/** The text format of Prometheus, version 0.0.4: families of samples, each with HELP and TYPE once. */

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Null and undefined: the sample does not have this label. */
export type Labels = Readonly<Record<string, string | number | null | undefined>>

export class Exposition {
  readonly #families = new Map<string, { type: 'counter' | 'gauge'; help: string; samples: string[] }>()

  counter(name: string, help: string, value: number | null | undefined, labels: Labels = {}): void {
    this.#add('counter', name, help, value, labels)
  }

  gauge(name: string, help: string, value: number | null | undefined, labels: Labels = {}): void {
    this.#add('gauge', name, help, value, labels)
  }

  /** All samples of a family stand together, whatever order they came in: the format asks for it. */
  toString(): string {
    let text = ''
    for (const [name, { type, help, samples }] of this.#families) {
      text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${samples.join('\n')}\n`
    }
    return text
  }

  /** What is not known has no sample: a 0 would be a measurement. */
  #add(type: 'counter' | 'gauge', name: string, help: string, value: number | null | undefined, labels: Labels): void {
    if (value == null) return
    let family = this.#families.get(name)
    if (family === undefined) this.#families.set(name, (family = { type, help, samples: [] }))
    family.samples.push(`${name}${labelText(labels)} ${numberText(value)}`)
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value != null)
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
