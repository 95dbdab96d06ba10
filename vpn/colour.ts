/**
 * Colours only for a person, who may have said no (no-color.org). Node leaves `isTTY` undefined on a pipe, and picocolors
 * takes undefined for "decide yourself", which means colours wherever CI is set: hence a plain yes or no.
 */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}
