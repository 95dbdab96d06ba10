/** An invitation as settings of a client: beside flags, which may add to it and not contradict it. */
import type { Given, RawSettings } from '../config/raw.js'
import { serverEndpoint, pin as parsePin, ValueError } from '../config/values.js'
import { UsageError } from '../errors.js'
import { hostPort } from '../server/names.js'
import type { Invitation } from './invitation.js'

const ORIGIN = 'the invitation'

/** @throws UsageError with one contradiction per line */
export function withInvitation({ server, pin, key }: Invitation, flags: RawSettings): RawSettings {
  const problems: string[] = []
  const differs = (given: Given[] | undefined, same: (text: string) => boolean, what: string): void => {
    if (given?.[0] && !same(given[0].value)) {
      problems.push(
        `${given[0].origin} and the invitation contradict each other: it has ${what}; leave one of them out`,
      )
    }
  }
  const place = hostPort(server.address, server.port)
  differs(flags.server, (text) => hostPortOf(text) === place, `the server ${place}`)
  if (pin !== null) differs(flags.pin, (text) => pinOf(text) === pin, 'another pin')
  differs(flags.authKey, (text) => text === key, 'a key of its own')
  differs(flags.authKeyFile, () => false, 'a key of its own')
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  const given = (value: string): Given[] => [{ value, origin: ORIGIN }]
  return {
    ...flags,
    server: given(place),
    ...(pin === null ? {} : { pin: given(pin) }),
    authKey: given(key),
  }
}

/** What cannot be read is another one; that it is wrong is told with the contradiction. */
function hostPortOf(text: string): string | null {
  return readable(() => {
    const { address, port } = serverEndpoint(text)
    return hostPort(address, port)
  })
}

function pinOf(text: string): string | null {
  return readable(() => parsePin(text))
}

function readable(parse: () => string): string | null {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ValueError) return null
    throw error
  }
}
