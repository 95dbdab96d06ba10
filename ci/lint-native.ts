/**
 * Checks that includes inside native/ point one way, and that what is sans-I/O makes no system call and reads no clock:
 *
 *   addon → tunnel → connect_ip → http3 → quic → tls          io ← addon, outer shells          test → everything
 *
 * `tsx ci/lint-native.ts` checks the tree; the test beside it checks this check.
 */
import path from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readFileSync } from 'node:fs'
import { glob } from 'zx'

/** The protocol stack, from what may include everything below it to what may include nothing. */
const stack = ['addon', 'tunnel', 'connect_ip', 'http3', 'quic', 'tls']
/** Besides itself and what the stack allows: the folders that a folder may include. */
const others: Record<string, readonly string[]> = { addon: ['io'], probe: ['io'] }
/** Folders in which all but the outer shell is sans-I/O; the shell may use `io`. */
const withShell = ['tunnel', 'link']

/** An outer shell: joins sans-I/O parts to sockets, devices and the clock. */
const isShell = (file: string) => /(^|\/)(main|shell[^/]*)\.(cc|h)$/.test(file)
/** In a folder without a fixed shell, a file that says so in its first lines is held to it. */
const claimsSansIo = (text: string) => /sans-i\/o/i.test(text.split('\n').slice(0, 12).join('\n'))
const isTest = (file: string) => /(^|\/)test\/|[._](test|fuzz)\.(cc|h)$/.test(file)

/** Headers that bring system calls; formats of packets and buffers (netinet/ip.h, sys/uio.h) are not among them. */
const systemCalls =
  /^<(unistd|fcntl|poll|sched|signal|pthread|ifaddrs|sys\/(socket|epoll|ioctl|mman|timerfd|eventfd|signalfd|wait|stat|time|syscall|prctl|random)|net\/if|linux\/(if_tun|netlink|rtnetlink|sched)|libmnl\/libmnl|csignal|thread|fstream)(\.h)?>$/
const readsClock = /\b(steady|system|high_resolution)_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(/

export interface Problem {
  file: string
  line: number
  message: string
}

/** `file` is relative to native/; `exists` tells whether a path relative to native/ is a file. */
export function checkFile(file: string, text: string, exists: (file: string) => boolean): Problem[] {
  const [folder = ''] = file.split('/')
  if (isTest(file) || !file.includes('/')) return []
  const sansIo = isSansIo(file, text)
  const problems: Problem[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const report = (message: string) => problems.push({ file, line: index + 1, message })
    const included = /^\s*#\s*include\s+(<[^>]+>|"([^"]+)")/.exec(line)
    if (!included) {
      if (sansIo && readsClock.test(line.replace(/\/\/.*/, '')))
        report('sans-I/O reads no clock: take `now` as a parameter')
      continue
    }
    const [, header = '', quoted] = included
    if (quoted === undefined) {
      if (sansIo && systemCalls.test(header)) report(`${header} makes system calls, and this file is sans-I/O`)
      continue
    }
    const beside = path.posix.join(path.posix.dirname(file), quoted)
    const target = exists(beside) ? beside : path.posix.normalize(quoted)
    const [to = ''] = target.split('/')
    if (!target.includes('/') || to === folder) continue
    if (isTest(target)) report(`"${quoted}": only tests include tests`)
    else if (to === 'io' && sansIo) report(`"${quoted}": this file is sans-I/O`)
    else if (!mayInclude(file, to)) report(`"${quoted}": ${folder}/ may include ${describe(folder, isShell(file))}`)
  }
  return problems
}

function isSansIo(file: string, text: string): boolean {
  const [folder = ''] = file.split('/')
  if (isShell(file)) return false
  return (stack.includes(folder) && folder !== 'addon') || withShell.includes(folder) || claimsSansIo(text)
}

function below(folder: string): readonly string[] {
  const place = stack.indexOf(folder)
  return place < 0 ? [] : stack.slice(place + 1)
}

function mayInclude(file: string, to: string): boolean {
  const [folder = ''] = file.split('/')
  if (to === 'io' && withShell.includes(folder)) return isShell(file)
  return below(folder).includes(to) || (others[folder] ?? []).includes(to)
}

function describe(folder: string, shell: boolean): string {
  const io = withShell.includes(folder) ? [shell ? 'io' : 'io (in main.cc and shell* only)'] : []
  const allowed = [...below(folder), ...(others[folder] ?? []), ...io]
  return allowed.length > 0 ? `only ${allowed.join(', ')}` : 'no other folder'
}

async function main(): Promise<void> {
  const native = fileURLToPath(new URL('../native', import.meta.url))
  const files = await glob('**/*.{cc,h}', { cwd: native })
  const known = new Set(files)
  const texts = files.sort().map((file) => [file, readFileSync(path.join(native, file), 'utf8')] as const)
  const problems = texts.flatMap(([file, text]) => checkFile(file, text, (other) => known.has(other)))
  for (const { file, line, message } of problems) console.error(`native/${file}:${line}: ${message}`)
  if (problems.length > 0) process.exitCode = 1
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) await main()
