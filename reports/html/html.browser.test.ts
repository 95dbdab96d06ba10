import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Result } from '../../harness/results/schema.js'
import { makeResult } from '../testing/fixture.js'
import { makeHostileResult } from '../testing/hostile.js'
import { renderHtml } from './page.js'

const CHROMIUM = process.env['MQVPN_CHROMIUM'] ?? '/usr/bin/chromium'
const QUIET = [
  'disable-gpu',
  'disable-quic',
  'no-first-run',
  'disable-background-networking',
  'disable-component-update',
  'disable-sync',
]

describe('the HTML report in a browser', function () {
  this.timeout(60_000)
  let browser: Browser
  let directory = ''

  before(async function () {
    if (process.env['MQVPN_SKIP_BROWSER'] !== undefined) return this.skip()
    if (!existsSync(CHROMIUM)) {
      throw new Error(`${CHROMIUM} is missing: apt install chromium, or set MQVPN_CHROMIUM, or MQVPN_SKIP_BROWSER=1`)
    }
    directory = await mkdtemp(join(tmpdir(), 'mqvpn-html-'))
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--headless', '--no-sandbox', ...QUIET.map((name) => `--${name}`)],
    })
  })
  after(async () => {
    if (directory === '') return
    await browser.close()
    await rm(directory, { recursive: true })
  })

  interface Opened {
    page: Page
    requests: string[]
    errors: string[]
    close: () => Promise<void>
  }

  const open = async (result: Result, colorScheme: 'light' | 'dark' = 'light', width = 1280): Promise<Opened> => {
    const file = join(directory, 'report.html')
    await writeFile(file, renderHtml(result))
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, acceptDownloads: true })
    const page = await context.newPage()
    const requests: string[] = []
    const errors: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
    })
    page.on('pageerror', (error) => errors.push(String(error)))
    await page.goto(pathToFileURL(file).href)
    await page.waitForFunction(
      '!document.querySelector("#timeline") || document.querySelector("#timeline-repeat")?.value',
    )
    await page.waitForTimeout(200)
    return { page, requests, errors, close: () => context.close() }
  }

  /** Different colours on each visible canvas: a blank one has one. */
  const colours = (page: Page): Promise<[string, number][]> =>
    page.evaluate(`[...document.querySelectorAll('canvas')].filter((canvas) => !canvas.closest('[hidden]')).map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      const found = new Set()
      for (let at = 0; at < data.length; at += 4) found.add(data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3])
      return [canvas.dataset.chart ?? canvas.id, found.size]
    })`)

  for (const scheme of ['light', 'dark'] as const) {
    it(`draws every chart, says nothing on the console and asks for nothing (${scheme})`, async () => {
      const { page, requests, errors, close } = await open(makeResult(), scheme)
      const drawn = await colours(page)
      expect(drawn.map(([name]) => name)).to.include.members(['timeline', 'outage', 'cpu', 'goodput-1-bulk'])
      for (const [name, count] of drawn) expect(count, name).to.be.above(20)
      expect(errors).to.deep.equal([])
      expect(requests.filter((url) => !url.startsWith('data:'))).to.have.length(1)
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      expect(background).to.equal(scheme === 'light' ? 'rgb(244, 246, 249)' : 'rgb(14, 19, 27)')
      await close()
    })
  }

  it('changes its colours, charts included, when asked', async () => {
    const { page, errors, close } = await open(makeResult({ repeats: 1 }))
    const shot = (): Promise<string> => page.evaluate('document.querySelector("#timeline").toDataURL()')
    const light = await shot()
    await page.click('#theme')
    expect(await page.textContent('#theme')).to.equal('Light colours')
    await page.waitForTimeout(200)
    expect(await shot()).to.not.equal(light)
    expect(errors).to.deep.equal([])
    await close()
  })

  it('shows the time line of the chosen measurement, subject and repeat, with its figures as a table', async () => {
    const { page, close } = await open(makeResult())
    const told = (): Promise<string | null> => page.getAttribute('#timeline', 'aria-label')
    expect(await told())
      .to.include('mqvpn')
      .and.to.include('path a goes down')
      .and.to.include('Outage in degraded')
    await page.selectOption('#timeline-subject', 'mptcp')
    await page.selectOption('#timeline-repeat', '3')
    await page.waitForTimeout(100)
    expect(await told())
      .to.include('mptcp')
      .and.to.include('repeat 3')
    await page.selectOption('#timeline-measurement', 'bulk/4')
    await page.waitForTimeout(100)
    expect(await told())
      .to.include('mptcp')
      .and.to.include('4 TCP streams up')
    expect(await page.locator('#timeline-table tbody tr').count()).to.equal(1)
    await close()
  })

  it('shows the delays of the chosen measurement only', async () => {
    const { page, close } = await open(makeResult({ repeats: 1 }))
    await page.selectOption('#delay-measurement', { index: 3 })
    await page.waitForTimeout(100)
    expect(await page.locator('figure[data-delay]:visible').count()).to.equal(1)
    const names = (await colours(page)).filter(([name]) => name.startsWith('delay-'))
    expect(names.map(([name]) => name)).to.deep.equal(['delay-4-failover-a-4'])
    expect(names[0]?.[1]).to.be.above(20)
    await close()
  })

  it('gives the result back as a file, also when it is packed', async () => {
    const small = makeResult({ repeats: 1 })
    const large: Result = { ...small, samples: Array.from({ length: 8 }, () => small.samples).flat() }
    for (const result of [small, large]) {
      const { page, close } = await open(result)
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')])
      const stream = await download.createReadStream()
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      const saved = JSON.parse(Buffer.concat(chunks).toString()) as Result
      expect(saved.samples).to.have.length(result.samples.length)
      expect(saved.scenario).to.deep.equal(result.scenario)
      await close()
    }
  })

  it('fits a phone without scrolling sideways', async () => {
    const { page, close } = await open(makeResult({ repeats: 1 }), 'dark', 360)
    const [content, screen] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )
    expect(content).to.equal(screen)
    await close()
  })

  it('lets no name of a scenario run or change anything', async () => {
    const result = makeHostileResult()
    const { page, requests, errors, close } = await open(result)
    expect(await page.title()).to.include(result.scenario.name)
    expect(await page.locator('img').count()).to.equal(0)
    expect(await page.textContent('h1')).to.equal(result.scenario.name)
    await page.selectOption('#timeline-subject', { index: 1 })
    await page.waitForTimeout(100)
    expect(await page.title()).to.not.equal('owned')
    expect(errors).to.deep.equal([])
    expect(requests.filter((url) => !url.startsWith('data:'))).to.have.length(1)
    await close()
  })

  it('survives a run without any sample', async () => {
    const { page, errors, close } = await open(makeResult({ empty: true }))
    expect(await page.locator('canvas').count()).to.equal(0)
    expect(errors).to.deep.equal([])
    await close()
  })
})
