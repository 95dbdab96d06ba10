import { createCanvas, loadImage } from '@napi-rs/canvas'
import { expect } from 'chai'
import { renderPngs } from './png.js'
import { makeResult } from './testing/fixture.js'
import { makeHostileResult } from './testing/hostile.js'

describe('PNG charts', function () {
  this.timeout(60_000)

  it('are the charts of the HTML report, at twice the size, and not blank', async () => {
    const images = await renderPngs(makeResult())
    const names = images.map((image) => image.name)
    expect(names).to.include.members([
      'goodput-1-bulk.png',
      'outage.png',
      'cpu.png',
      'timeline-failover-a-4-1-mqvpn.png',
    ])
    for (const { name, data } of images) {
      const image = await loadImage(data)
      expect([image.width, image.height], name).to.deep.equal([2000, 920])
      const context = createCanvas(2000, 920).getContext('2d')
      context.drawImage(image, 0, 0)
      const pixels = new Uint32Array(context.getImageData(0, 0, 2000, 920).data.buffer)
      expect(new Set(pixels).size, name).to.be.above(30)
      // The title: dark pixels in the upper left corner, which are there only when a font was found.
      const title = new Uint32Array(context.getImageData(36, 30, 300, 50).data.buffer)
      expect(title.filter((pixel) => (pixel & 0xff) < 0x60).length, name).to.be.above(200)
    }
  })

  it('have file names that stay inside their directory, whatever subjects are called', async () => {
    for (const { name } of await renderPngs(makeHostileResult())) expect(name).to.match(/^[a-z0-9-]+\.png$/)
  })

  it('are none when nothing was measured', async () => {
    expect(await renderPngs(makeResult({ empty: true }))).to.deep.equal([])
  })
})
