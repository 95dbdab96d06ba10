/** Validates the subjects of a scenario and adds `direct` over each path. */
import { z } from 'zod'
import { placeholderProblem } from './placeholders.js'
import { type Key, type Problems, strict } from './problems.js'
import { MQVPN_CONGESTION_CONTROLS, MQVPN_SCHEDULERS, OPENVPN_CIPHERS } from './subject-input.js'
import { didYouMean } from '../../common/suggest.js'
import type { SubjectSpec } from './types.js'
import { quote } from './units.js'

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._:+-]{0,39}$/i, 'write 1 to 40 letters, digits, ., :, +, - or _')
  .optional()
const path = z.string().optional()
const commandLine = z.union([z.string().min(1), z.array(z.string()).min(1)], {
  error: (issue) => `got ${quote(issue.input)}; write a command line or a list of program and arguments`,
})
const ready = z.union(
  [z.string().min(1), strict({ device: z.string().min(1) }), strict({ output: z.string().min(1) })],
  {
    error: (issue) =>
      `got ${quote(issue.input)}; write a command line, { device: 'tun0' } or { output: 'regular expression' }`,
  },
)
const side = strict({
  start: commandLine,
  ready,
  stop: commandLine.optional(),
  env: z.record(z.string(), z.string()).optional(),
})

const schemas = {
  direct: strict({ kind: z.literal('direct'), name, path }),
  mptcp: strict({ kind: z.literal('mptcp'), name, paths: z.array(z.string()).min(1).optional() }),
  mqvpn: strict({
    kind: z.literal('mqvpn'),
    name,
    path,
    paths: z.array(z.string()).min(1).optional(),
    scheduler: z.enum(MQVPN_SCHEDULERS).optional(),
    cc: z.enum(MQVPN_CONGESTION_CONTROLS).optional(),
  }),
  'wireguard-go': strict({ kind: z.literal('wireguard-go'), name, path }),
  openvpn: strict({ kind: z.literal('openvpn'), name, path, cipher: z.enum(OPENVPN_CIPHERS).optional() }),
  fastd: strict({ kind: z.literal('fastd'), name, path, method: z.string().min(1).optional() }),
  command: strict({
    kind: z.literal('command'),
    name: name.unwrap(),
    version: z.string().optional(),
    paths: z.array(z.string()).min(1).optional(),
    server: side,
    client: side,
    target: z.string().min(1),
    device: z.string().optional(),
    udp: z.boolean().optional(),
  }),
} as const
type Parsed = { [K in keyof typeof schemas]: z.output<(typeof schemas)[K]> }[keyof typeof schemas]

/** Validated options of a `command` subject, placeholders still in place. */
export type CommandSpecOptions = {
  version: string | null
  server: z.output<typeof side>
  client: z.output<typeof side>
  target: string
  device: string | null
  udp: boolean
}

/** `direct:a`, `direct:b`, … first, then what the scenario lists, in its order. */
export function resolveSubjects(input: unknown, paths: readonly string[], key: Key, problems: Problems): SubjectSpec[] {
  const specs: SubjectSpec[] = paths.map((p) => ({
    id: `direct:${p}`,
    kind: 'direct',
    label: `direct ${p}`,
    paths: [p],
    options: {},
  }))
  const entries = input === undefined ? [] : (problems.parse(z.array(z.unknown()), input, key) ?? [])
  entries.forEach((entry, i) => {
    const at = [...key, i]
    const spec = resolveSubject(entry, paths, at, problems)
    if (spec === null || spec.kind === 'direct') return
    if (specs.some((other) => other.id === spec.id)) {
      problems.add(at, `a second "${spec.id}"; tell them apart, e.g. { name: '${spec.kind}-2' }`)
    } else specs.push(spec)
  })
  return specs
}

function resolveSubject(entry: unknown, paths: readonly string[], key: Key, problems: Problems): SubjectSpec | null {
  const kind = typeof entry === 'object' && entry !== null ? (entry as { kind?: unknown }).kind : undefined
  if (typeof kind !== 'string' || !(kind in schemas)) {
    problems.add(key, `got ${quote(entry)}; write subjects.mptcp(), subjects.wireguardGo(), … or subjects.command({…})`)
    return null
  }
  const parsed = problems.parse<z.ZodType<Parsed>>(schemas[kind as keyof typeof schemas], entry, key)
  if (parsed === null) return null
  const wanted =
    'path' in parsed && parsed.path !== undefined ? [parsed.path] : 'paths' in parsed ? parsed.paths : undefined
  for (const p of wanted ?? []) {
    if (!paths.includes(p))
      problems.add([...key, 'path' in parsed ? 'path' : 'paths'], `no path "${p}"${didYouMean(p, paths)}`)
  }
  if (parsed.kind === 'mqvpn' && parsed.path !== undefined && parsed.paths !== undefined) {
    problems.add(key, 'has path and paths; write one of them')
  }
  const several = parsed.kind === 'mptcp' || parsed.kind === 'mqvpn' || parsed.kind === 'command'
  const chosen = parsed.kind === 'mqvpn' ? [parsed.scheduler, parsed.cc].filter((word) => word !== undefined) : []
  const id = parsed.name ?? [parsed.kind, ...(wanted === undefined ? [] : [wanted.join('+')]), ...chosen].join(':')
  if (id.startsWith('direct') && parsed.kind !== 'direct') {
    problems.add([...key, 'name'], '"direct" is the name of the baselines; write another')
  }
  return {
    id,
    kind: parsed.kind,
    label:
      parsed.name ?? [parsed.kind, ...chosen].join(' ') + (wanted === undefined ? '' : ` on ${wanted.join(' + ')}`),
    paths: wanted ?? (several ? [...paths] : paths.slice(0, 1)),
    options: optionsOf(parsed, paths, key, problems),
  }
}

function optionsOf(parsed: Parsed, paths: readonly string[], key: Key, problems: Problems): Record<string, unknown> {
  if (parsed.kind === 'openvpn') return { cipher: parsed.cipher ?? 'AES-128-GCM' }
  if (parsed.kind === 'fastd') return { method: parsed.method ?? 'salsa2012+umac' }
  if (parsed.kind === 'mqvpn') return { scheduler: parsed.scheduler ?? null, cc: parsed.cc ?? null }
  if (parsed.kind !== 'command') return {}
  const { version = null, server, client, target, device = null, udp = true } = parsed
  for (const [text, at] of stringsIn({ server, client, target, device }, [])) {
    const problem = placeholderProblem(text, paths)
    if (problem !== null) problems.add([...key, ...at], problem)
  }
  for (const [which, { ready: when }] of Object.entries({ server, client })) {
    if (typeof when === 'object' && 'output' in when && !isRegExp(when.output)) {
      problems.add([...key, which, 'ready', 'output'], `got ${quote(when.output)}; this is not a regular expression`)
    }
  }
  return { version, server, client, target, device, udp } satisfies CommandSpecOptions
}

/** Every string in `value` with where it is. */
function stringsIn(value: unknown, at: Key): [string, Key][] {
  if (typeof value === 'string') return [[value, at]]
  if (Array.isArray(value)) return value.flatMap((entry, i) => stringsIn(entry, [...at, i]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([k, entry]) => (k === 'output' ? [] : stringsIn(entry, [...at, k])))
}

function isRegExp(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}
