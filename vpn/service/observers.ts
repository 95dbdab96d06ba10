/** Who watches a running client or server: the service manager, and whoever collects metrics. */
import type { Life } from '../life.js'
import type { Log } from '../log.js'
import type { MetricsEndpoint } from '../metrics/endpoint.js'
import { MetricsServer } from '../metrics/server.js'
import type { Status } from '../status/render.js'
import type { ServiceManager } from './notify.js'

export class Observers {
  readonly #endpoint: MetricsEndpoint | null
  readonly #service: ServiceManager
  readonly #life: Life
  readonly #log: Log
  #metrics: MetricsServer | null = null

  constructor(endpoint: MetricsEndpoint | null, service: ServiceManager, life: Life, log: Log) {
    this.#endpoint = endpoint
    this.#service = service
    this.#life = life
    this.#log = log
    life.signal.addEventListener('abort', () => service.stopping(), { once: true })
  }

  /** That of the one who is watched: its reloads are told. */
  get life(): Life {
    const [life, service] = [this.#life, this.#service]
    return { ...life, onReload: (work) => life.onReload(() => service.reload(async () => await work())) }
  }

  /** @throws VpnError when metrics cannot be served where they should be: nothing is half of what was asked for */
  async observe(status: () => Promise<Status>): Promise<void> {
    if (this.#endpoint !== null) {
      const metrics = await MetricsServer.listen(this.#endpoint, status, this.#log)
      this.#metrics = metrics
      this.#life.atExit(() => metrics.removeFile())
    }
    this.#service.watch(status)
  }

  async close(): Promise<void> {
    this.#service.stopping()
    await this.#metrics?.close()
  }
}
