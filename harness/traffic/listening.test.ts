import { expect } from 'chai'
import { listens, tableListens } from './listening.js'

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:14B5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 128389 2 0000 100 0 0 10 0
   1: 0100007F:14B6 0100007F:14B5 01 00000000:00000000 00:00000000 00000000     0        0 127108 1 0000 100 0 0 10 0
`

describe('listening', () => {
  it('finds a listener, and takes no connection for one', () => {
    expect(tableListens(TABLE, 0x14b5)).to.equal(true)
    expect(tableListens(TABLE, 0x14b6)).to.equal(false)
    expect(tableListens(TABLE, 0x4b5)).to.equal(false)
    expect(tableListens('', 80)).to.equal(false)
  })

  it('is false for a process that has ended, and for one that has not entered its namespace', async () => {
    expect(await listens(2 ** 30, 80)).to.equal(false)
    expect(await listens(process.pid, 80)).to.equal(false)
  })
})
