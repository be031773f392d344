import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { alarmSettings } from './alarms.ts';
import { clientSettings } from './client.ts';
import { deliverySettings } from './delivery.ts';
import { encryptionSettings } from './encryption.ts';
import { executionSettings } from './execution.ts';
import { identityProblems, identitySettings } from './identity.ts';
import { inboundSettings } from './inbound.ts';
import { listeningSettings } from './listening.ts';
import { observingSettings } from './observing.ts';
import { retentionSettings } from './retention.ts';
import type { Setting, Values } from './setting.ts';
import { storageSettings } from './storage.ts';

export const settings = {
  ...listeningSettings,
  ...identitySettings,
  ...storageSettings,
  ...encryptionSettings,
  ...deliverySettings,
  ...inboundSettings,
  ...executionSettings,
  ...retentionSettings,
  ...observingSettings,
  ...clientSettings,
  ...alarmSettings,
} as const;

/** Names of the contract that other versions use. They may be set; this version does nothing with them. */
export const laterVariables: readonly string[] = [
  'OUTBOUND_WEBHOOK_QUEUE_URL',
  'MANAGER_AGENT_FUNCTION_NAME',
  'BEDROCK_AGENT_ID',
  'BEDROCK_AGENT_ALIAS_ID',
  'AGENT_RUNTIME_ARN',
  'COGNITO_USERNAME',
  'COGNITO_PASSWORD',
  'COGNITO_CLIENT_ID',
  'S3_ANALYSIS_BUCKET',
  'DYNAMODB_ALERTS_TABLE',
  'SNS_TOPIC_ARN',
  'EXECUTION_TRIGGER_SNS',
  'APPROVAL_API_URL',
  'UAEF_AGENT_ANTHROPIC_API_KEY',
  'ANTHROPIC_API_KEY',
  'DAILY_REPORT_WORKFLOW_ID',
  'CLEANUP_WORKFLOW_ID',
  'SYNC_WORKFLOW_ID',
];

export type Config = Values<typeof settings>;

/** What processes that are started from here are given. */
export const environment = (): Environment => process.env;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. Throws `config_invalid` with one line for each variable that can't be used. */
export function readConfig(environment: Environment = process.env): Config {
  const problems = unknownNames(environment);
  const config: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      config[key] = readSetting(setting, environment);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  problems.push(...together(config), ...identityProblems(config));
  if (problems.length > 0) throw new SignalboxError('config_invalid', problems.join('\n'));
  return Object.freeze(config) as unknown as Config;
}

/** What single settings can't know of each other. */
function together(config: Partial<Config>): string[] {
  const unverified = config.verifiesWebhooks === false && config.production === true;
  if (!unverified || config.allowsUnverifiedWebhooks !== false) return [];
  return [
    'VERIFY_WEBHOOK_SIGNATURE is false while NODE_ENV is production. Set ALLOW_UNVERIFIED_WEBHOOKS=true as well if that is meant.',
  ];
}

/** An empty variable counts as one that is not set, as shells and compose files produce it. */
function readSetting(setting: Setting<unknown>, environment: Environment): unknown {
  const set = environment[setting.variable]?.trim();
  const text = set === undefined || set === '' ? setting.default : set;
  if (text === undefined) return undefined;
  const value = setting.parse(text);
  if (value === undefined) throw unusable(setting, text);
  return value;
}

function unusable(setting: Setting<unknown>, text: string): Error {
  // A URL that can't be read may have a password in it all the same.
  const shown = text.replace(/\/\/.*@/, '//[credentials]@').slice(0, 120);
  const seen = setting.secret ? 'is set to something else' : `is ${JSON.stringify(shown)}`;
  return new Error(`${setting.variable} ${seen}. Expected ${setting.expects.replaceAll('`', '')}.`);
}

function unknownNames(environment: Environment): string[] {
  const known = [...Object.values(settings).map((setting) => setting.variable), ...laterVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith('SIGNALBOX_') && !known.includes(name))
    .map((name) => {
      const suggestion = nearestName(name, known);
      const advice =
        suggestion === undefined
          ? 'docs/reference/configuration.md lists them.'
          : `Did you mean ${suggestion}?`;
      return `${name} is not a variable of Signalbox. ${advice}`;
    });
}

/** What all names begin with says nothing about which one is meant; SIGNALBOX_PORT means PORT. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const bare = (text: string) => text.replace(/^SIGNALBOX_/, '');
  const found = nearest(bare(name), known.map(bare));
  return known.find((one) => bare(one) === found);
}
