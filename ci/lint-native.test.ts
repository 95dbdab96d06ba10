import { expect } from 'chai'
import { checkFile } from './lint-native.js'

describe('the check of includes in native/', () => {
  const problems = (file: string, text: string) => checkFile(file, text, (other) => other === 'quic/stream.h')

  it('lets the stack point down and refuses that it points up', () => {
    expect(problems('http3/frame.cc', '#include "quic/stream.h"')).to.deep.equal([])
    expect(problems('addon/addon.cc', '#include "tls/key.h"')).to.deep.equal([])
    expect(problems('quic/stream.cc', '#include "http3/frame.h"')).to.deep.equal([
      { file: 'quic/stream.cc', line: 1, message: '"http3/frame.h": quic/ may include only tls' },
    ])
  })

  it('sees through ../', () => {
    expect(problems('tls/key.cc', '#include "../quic/stream.h"')).to.have.length(1)
  })

  it('keeps io to the addon and outer shells', () => {
    expect(problems('link/shell_tap.cc', '#include "io/tap.h"')).to.deep.equal([])
    expect(problems('tunnel/main.cc', '#include "io/udp.h"')).to.deep.equal([])
    expect(problems('link/queue.cc', '#include "io/tap.h"')).to.have.length(1)
    expect(problems('quic/path.cc', '#include "io/udp.h"')).to.have.length(1)
    expect(problems('io/udp.cc', '#include "quic/path.h"')).to.have.length(1)
  })

  it('refuses system calls and clocks where no I/O belongs', () => {
    expect(problems('link/queue.cc', '#include <unistd.h>')).to.have.length(1)
    expect(problems('quic/path.cc', 'auto now = std::chrono::steady_clock::now();')).to.have.length(1)
    expect(problems('quic/path.cc', '// steady_clock::now is for io/')).to.deep.equal([])
    expect(problems('probe/packet.h', '// Sans-I/O.\n#include <sys/socket.h>')).to.have.length(1)
    expect(problems('probe/socket.h', '#include <sys/socket.h>')).to.deep.equal([])
    expect(problems('connect_ip/icmp.cc', '#include <netinet/ip.h>')).to.deep.equal([])
  })

  it('leaves tests alone, and nobody else includes them', () => {
    expect(problems('test/simulation.cc', '#include "io/clock.h"')).to.deep.equal([])
    expect(problems('link/queue.cc', '#include "test/simulation.h"')).to.have.length(1)
  })
})
