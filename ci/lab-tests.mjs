// `npm run test:lab [-- mocha's arguments]`: first what measures this machine, one at a time; then what waits more than it
// computes (tunnels, foreign peers), two files at a time: each has a lab of its own.
import { spawnSync } from 'node:child_process'

const mocha = (config, ...more) =>
  spawnSync('npx', ['mocha', '--config', config, ...more, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1

const alone = mocha('.mocharc.lab.json', '--ignore', '{test,ci}/**')
const together = mocha('.mocharc.tunnel.json')
process.exit(alone || together)
