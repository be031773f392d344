/** What a metric is: `docs/reference/observability.md` lists the same, and a test compares them. */
export interface MetricDefinition {
  /** As Prometheus has it. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly about: string;
  readonly labels: readonly LabelDefinition[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[];
  /** As CloudWatch has it, where the contract names it. */
  readonly cloudWatch?: CloudWatchMetric;
}

export interface CloudWatchMetric {
  readonly namespace: string;
  readonly name: string;
  readonly unit: 'Bytes' | 'Milliseconds' | 'Count';
  /** The value in CloudWatch's unit for one of Prometheus'. */
  readonly scale: number;
  /** The names of the labels there. */
  readonly dimensions: readonly string[];
  /** Whether the sum over all labels is a metric as well. */
  readonly hasTotal: boolean;
}

/**
 * A label is bounded, so that no sender can make memory grow with what it calls itself: either its values are known, or the first
 * `atMost` that come keep their names. Every other value counts as `other`.
 */
export interface LabelDefinition {
  readonly name: string;
  readonly values?: readonly string[];
  readonly atMost?: number;
}

const otherValue = 'other';
const longestValue = 128;

interface Series {
  readonly labels: readonly string[];
  /** Of a histogram: the sum of what was observed. */
  value: number;
  count: number;
  readonly buckets: number[];
}

/** One metric with its series: a value, or a histogram, for each set of labels that was seen. */
export class Instrument {
  readonly definition: MetricDefinition;
  readonly #series = new Map<string, Series>();
  readonly #known: readonly Set<string>[];

  constructor(definition: MetricDefinition) {
    this.definition = definition;
    this.#known = definition.labels.map(({ values = [] }) => new Set(values));
  }

  get seriesCount(): number {
    return this.#series.size;
  }

  add(amount: number, labels: readonly string[] = []): void {
    this.#of(labels).value += amount;
  }

  set(value: number, labels: readonly string[] = []): void {
    this.#of(labels).value = value;
  }

  observe(value: number, labels: readonly string[] = []): void {
    const series = this.#of(labels);
    series.value += value;
    series.count += 1;
    const bounds = this.definition.buckets ?? [];
    const index = bounds.findIndex((bound) => value <= bound);
    const bucket = index === -1 ? bounds.length : index;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  /** Forgets all series: a gauge is read anew. */
  clear(): void {
    this.#series.clear();
  }

  /** The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ */
  text(): string {
    const { name, kind, about } = this.definition;
    let text = `# HELP ${name} ${about.replaceAll('\\', '\\\\')}\n# TYPE ${name} ${kind}\n`;
    for (const series of this.#series.values()) {
      text += kind === 'histogram' ? this.#histogram(series) : this.#line('', series.labels, series.value);
    }
    return text;
  }

  #histogram(series: Series): string {
    const { buckets = [] } = this.definition;
    let below = 0;
    let text = '';
    for (const [index, bound] of [...buckets, '+Inf'].entries()) {
      below += series.buckets[index] ?? 0;
      text += this.#line('_bucket', series.labels, below, `le="${bound}"`);
    }
    return (
      text +
      this.#line('_sum', series.labels, series.value) +
      this.#line('_count', series.labels, series.count)
    );
  }

  #line(suffix: string, values: readonly string[], value: number, more?: string): string {
    const { name, labels } = this.definition;
    const pairs = labels.map((label, index) => `${label.name}="${escaped(values[index]!)}"`);
    if (more !== undefined) pairs.push(more);
    return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  }

  #of(values: readonly string[]): Series {
    const labels = values.map((value, index) => this.#bounded(index, value));
    const key = labels.join('\n');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, value: 0, count: 0, buckets: [] };
      this.#series.set(key, series);
    }
    return series;
  }

  #bounded(index: number, value: string): string {
    const known = this.#known[index]!;
    const short = value.length > longestValue ? value.slice(0, longestValue) : value;
    if (known.has(short)) return short;
    const { atMost = 0 } = this.definition.labels[index]!;
    if (known.size >= atMost) return otherValue;
    known.add(short);
    return short;
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };
const escaped = (value: string): string => value.replace(/[\\"\n]/g, (character) => escapes[character]!);
