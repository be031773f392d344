import type { RemoteContext } from '../../core/trace-context.ts';

/** Whether a trace is exported. It says the same of a trace whenever it is asked, so that a restart changes nothing. */
export type Sampler = (traceId: string, parent: RemoteContext | undefined) => boolean;

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
export function createSampler(name: SamplerName, ratio = 1): Sampler {
  const root = name.replace('parentbased_', '');
  const ofRoot = (traceId: string) =>
    root === 'traceidratio' ? isBelow(traceId, ratio) : root === 'always_on';
  if (root === name) return ofRoot;
  return (traceId, parent) => parent?.sampled ?? ofRoot(traceId);
}

/** The last seven bytes of a trace id are random: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag */
const isBelow = (traceId: string, ratio: number): boolean =>
  Number.parseInt(traceId.slice(-12), 16) < ratio * 16 ** 12;
