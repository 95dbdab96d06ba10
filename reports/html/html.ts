/** HTML that cannot be broken by what is put into it: every value of a template is escaped unless it is `Html` itself. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }
}

type Value = string | number | Html | null | undefined | false | readonly Value[]

export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.reduce((text, part, index) => text + show(values[index - 1]) + part))
}

/** For text that is known to be HTML, style or script: constants of this project only. */
export function raw(text: string): Html {
  return new Html(text)
}

function show(value: Value): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  return value.map(show).join('')
}

/**
 * Characters that mean something in HTML become references; control characters and marks that turn the direction of
 * text become visible, so that a name cannot disguise the words around it.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
}

/**
 * JSON for `<script type="application/json">`: no `<` is left, so neither `</script` nor `<!--` can end or confuse it.
 * It is still the same JSON.
 */
export function jsonForScript(value: unknown): Html {
  return new Html(
    JSON.stringify(value)
      .replace(/</g, '\\u003c')
      .replace(/>/g, '\\u003e')
      .replace(/\u2028/g, '\\u2028')
      .replace(/\u2029/g, '\\u2029'),
  )
}
