/** What is said of a section or key that is not known: the likely intention, or that this version does not have it. */
import { didYouMean } from '../../common/suggest.js'
import { FLAT_NAMES, keyNamed, namesIn, SECTIONS, sectionsWith } from './keys.js'

/** Longer than every name; what is longer was not meant as one, and comparing it would take long. */
const NAME_MOST = 64

const CONTROL_PORT =
  'there is no control port; the control socket is local (ControlSocket in [Interface]; mqvpn status)'
const REORDER =
  'there is no reordering buffer: the scheduler wlb keeps each flow in order by itself; take this out of the file'
const HYBRID = 'there is no second lane for TCP in this version; take this out of the file'
const PATH_IDS = 'the number of paths needs no setting; take this out of the file'
const RATE_LIMIT = 'the rate of receiving is not limited in this version; take this out of the file'
const MODE =
  'the side is found from what is there (Listen of [Interface], or Address of [Server]), or given by --mode client|server'

/** Known to the seed's later versions and not here: better a clear word than "unknown". */
const ABSENT_SECTIONS: Readonly<Record<string, string>> = {
  control: CONTROL_PORT,
  reorder: REORDER,
  reorderrule: REORDER,
  hybrid: HYBRID,
  advanced: RATE_LIMIT,
}
const ABSENT_KEYS: Readonly<Record<string, string>> = {
  initmaxpathid: PATH_IDS,
  recvratelimit: RATE_LIMIT,
  mode: MODE,
}
const ABSENT_FLAT: Readonly<Record<string, string>> = {
  control_listen: CONTROL_PORT,
  control_port: CONTROL_PORT,
  control_addr: CONTROL_PORT,
  init_max_path_id: PATH_IDS,
  reorder: REORDER,
  reorder_rules: REORDER,
  hybrid: HYBRID,
  recv_rate_limit: RATE_LIMIT,
  mode: MODE,
}

/**
 * A name, when it looks like one: in `Key mPyVpo…=`, where a `=` is missing, or where a key stands alone, the name would
 * be the secret.
 */
export function shownName(name: string): string {
  return /^[\p{L}\p{N}_.-]{1,24}$/u.test(name) ? name : '(a name that is not shown)'
}

export function whyNoSection(name: string): string {
  return wordsFor(ABSENT_SECTIONS, name) ?? `unknown section${suggest(name, SECTIONS)}`
}

export function whyNoKey(section: string, name: string): string {
  const absent = wordsFor(ABSENT_KEYS, name)
  if (absent !== null) return absent
  const owners = sectionsWith(name)
  if (owners.length > 0) return `belongs to [${owners.join('] or [')}], not to [${section}]`
  // Flat names in a section: `tun_name` for `TunName`.
  const plain = name.replaceAll('_', '')
  const known = namesIn(section)
  if (keyNamed(section, plain) !== null) return `unknown key of [${section}]${suggest(plain, known)}`
  return `unknown key of [${section}]${suggest(name, known)}`
}

/** Of the top of a JSON file, where sections stand as well. */
export function whyNoFlatKey(name: string): string {
  const absent = wordsFor(ABSENT_FLAT, name) ?? wordsFor(ABSENT_SECTIONS, name)
  if (absent !== null) return absent
  const [owner] = sectionsWith(name)
  if (owner !== undefined) return `unknown key; ${name} stands in a section: {"${owner}": {"${name}": …}}`
  const hint = suggest(name, [...FLAT_NAMES, ...SECTIONS])
  return `unknown key${hint.startsWith('; did') ? hint : ''}`
}

function wordsFor(table: Readonly<Record<string, string>>, name: string): string | null {
  const lower = name.toLowerCase()
  return Object.hasOwn(table, lower) ? table[lower]! : null
}

function suggest(name: string, known: readonly string[]): string {
  return name.length > NAME_MOST ? '' : didYouMean(name, known)
}
