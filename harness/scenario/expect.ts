/**
 * Expectations as sentences: `subject('mptcp').measurement('bulk/16').goodput.in('healthy').atLeast(sum.times(0.9))`.
 * Each ends in plain data, its limit still as written; `expectations.ts` validates and resolves it.
 */
import type { MetricName } from '../results/schema.js'
import type { Direction, Expectation } from './types.js'
import type { Duration, Percent, Rate } from './units.js'

/** What the `direct` subjects reached in the same run, times a factor. */
export class Baseline {
  constructor(
    readonly of: 'best' | 'sum' | 'achievable',
    readonly factor = 1,
  ) {}

  times(factor: number): Baseline {
    return new Baseline(this.of, this.factor * factor)
  }
}

/** What another subject reached in the same measurement and window, times a factor. */
export class Rival {
  constructor(
    readonly subject: string,
    readonly factor = 1,
    readonly enough: Baseline | null = null,
  ) {}

  times(factor: number): Rival {
    return new Rival(this.subject, this.factor * factor, this.enough)
  }

  /** A rival that itself reaches this share of `achievable` leaves no room: then as much is enough. */
  or(enough: Baseline): Rival {
    return new Rival(this.subject, this.factor, enough)
  }
}

/** The delay of the same path or tunnel before the load began, plus an offset. */
export class IdleDelay {
  constructor(readonly offset: Duration = '0ms') {}

  plus(offset: Duration): IdleDelay {
    return new IdleDelay(offset)
  }
}

/** An expectation whose limit is as it was written. */
export interface ExpectationInput extends Omit<Expectation, 'limit'> {
  readonly limit: unknown
}

/** One metric; ends with `atLeast` or `atMost`. L: how its limits are written. */
export class MetricExpectation<L> {
  constructor(private readonly chosen: Omit<ExpectationInput, 'compare' | 'limit'>) {}

  /** Only this window: `healthy`, `degraded`, `restored`, …. Without it: the worst window. */
  in(window: string): MetricExpectation<L> {
    return new MetricExpectation({ ...this.chosen, window })
  }

  /** Only this direction of a probe metric. Without it: the worse of both. */
  direction(direction: Direction): MetricExpectation<L> {
    return new MetricExpectation({ ...this.chosen, direction })
  }

  /** The worst repeat decides. */
  get worst(): MetricExpectation<L> {
    return new MetricExpectation({ ...this.chosen, over: 'worst' })
  }

  /** The median of the repeats decides: the default. */
  get median(): MetricExpectation<L> {
    return new MetricExpectation({ ...this.chosen, over: 'median' })
  }

  atLeast(limit: L): ExpectationInput {
    return { ...this.chosen, compare: 'atLeast', limit }
  }

  atMost(limit: L): ExpectationInput {
    return { ...this.chosen, compare: 'atMost', limit }
  }
}

export class ProbeExpectations {
  constructor(private readonly metric: <L>(name: MetricName) => MetricExpectation<L>) {}

  /** Longest time without a packet. */
  get outage() {
    return this.metric<Duration>('outage')
  }
  /** Packets that never arrived. */
  get lost() {
    return this.metric<number>('lost')
  }
  /** One-way delay under load, and its percentiles. */
  get delayP50() {
    return this.metric<Duration | IdleDelay>('delayP50')
  }
  get delayP95() {
    return this.metric<Duration | IdleDelay>('delayP95')
  }
  get delayP99() {
    return this.metric<Duration | IdleDelay>('delayP99')
  }
  /** Delay under load (p95) minus idle delay (p50). */
  get delayAdded() {
    return this.metric<Duration>('delayAdded')
  }
}

/** One subject in one measurement or phase. */
export class MeasurementExpectations {
  constructor(
    private readonly subject: string,
    private readonly id: string,
  ) {}

  readonly #metric = <L>(metric: MetricName): MetricExpectation<L> =>
    new MetricExpectation<L>({
      subject: this.subject,
      measurement: this.id,
      metric,
      window: null,
      direction: null,
      over: 'median',
    })

  /** Received application bytes per second. */
  get goodput() {
    return this.#metric<Rate | Baseline | Rival>('goodput')
  }
  get probe() {
    return new ProbeExpectations(this.#metric)
  }
  /** Share of UDP datagrams lost. */
  get udpLoss() {
    return this.#metric<Percent>('udpLoss')
  }
  get udpJitter() {
    return this.#metric<Duration>('udpJitter')
  }
  /** CPU time of the subject's own processes per 10^9 bytes of goodput. */
  get cpuPerGigabyte() {
    return this.#metric<Duration>('cpuPerGigabyte')
  }
}

export class SubjectExpectations {
  constructor(private readonly id: string) {}

  /** One measurement, e.g. `'bulk/16'`. */
  measurement(id: string): MeasurementExpectations {
    return new MeasurementExpectations(this.id, id)
  }

  /** Every measurement of a phase that has the metric. */
  phase(name: string): MeasurementExpectations {
    return new MeasurementExpectations(this.id, name)
  }
}

/** What the `expect` function of a scenario is given. */
export interface ExpectContext {
  /** By id: `'mptcp'`, `'direct:a'`, `'openvpn:b'`. */
  readonly subject: (id: string) => SubjectExpectations
  /** Goodput of the best single path, measured in this run. */
  readonly best: Baseline
  /** Goodput of all paths together, each measured alone in this run. */
  readonly sum: Baseline
  /** Goodput that headers leave of the configured rates of the subject's paths. */
  readonly achievable: Baseline
  /** Goodput of another subject in the same measurement: `rival('mqvpn:minrtt').times(1.15)`. */
  readonly rival: (id: string) => Rival
  /** Delay before the load began. */
  readonly idle: IdleDelay
}

export const expectContext: ExpectContext = {
  subject: (id) => new SubjectExpectations(id),
  best: new Baseline('best'),
  sum: new Baseline('sum'),
  achievable: new Baseline('achievable'),
  rival: (id) => new Rival(id),
  idle: new IdleDelay(),
}
