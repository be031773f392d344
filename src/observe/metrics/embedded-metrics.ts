import { metricCatalogue } from './catalogue.ts';
import type { CloudWatchMetric, MetricDefinition } from './instruments.ts';
import type { Measurement } from './measurements.ts';

/**
 * Measurements as one document of CloudWatch's embedded metric format, from which CloudWatch Logs makes metrics; undefined when
 * CloudWatch has none of them. `properties` can be searched, and become no metric.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics(
  measurements: readonly Measurement[],
  atMs: number,
  properties: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> | undefined {
  const named = measurements.flatMap(({ metric, value, labels }) => {
    const { cloudWatch }: MetricDefinition = metricCatalogue[metric];
    return cloudWatch === undefined ? [] : [{ cloudWatch, value, labels }];
  });
  const [first] = named;
  if (first === undefined) return undefined;
  const { namespace, dimensions, hasTotal } = first.cloudWatch;
  const directive = {
    Namespace: namespace,
    Dimensions: hasTotal ? [[], dimensions] : [dimensions],
    Metrics: named.map(({ cloudWatch: { name, unit } }) => ({ Name: name, Unit: unit })),
  };
  return {
    _aws: { Timestamp: atMs, CloudWatchMetrics: [directive] },
    ...properties,
    ...Object.fromEntries(
      dimensions.map((dimension, index) => [dimension, dimensionValue(first.labels[index])]),
    ),
    ...Object.fromEntries(named.map(({ cloudWatch, value }) => [cloudWatch.name, scaled(value, cloudWatch)])),
  };
}

/** CloudWatch takes 1 to 1,024 characters. */
const dimensionValue = (label: string | undefined): string => label?.slice(0, 128) || 'none';

const scaled = (value: number, { scale }: CloudWatchMetric): number =>
  Math.round(value * scale * 1_000) / 1_000;
