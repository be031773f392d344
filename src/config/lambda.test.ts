import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config.ts';
import { checkRole } from './execution.ts';
import { lambdaSettings } from './lambda.ts';

const complete = {
  SIGNALBOX_ENGINE: 'lambda',
  SIGNALBOX_LAMBDA_FUNCTION: 'signalbox:live',
  DATABASE_URL: 'postgresql://signalbox@127.0.0.1:5432/signalbox',
  SIGNALBOX_OBJECTS_URL: 's3://bucket/signalbox',
  SIGNALBOX_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
};

const settingsOf = (changes: Record<string, string> = {}) =>
  lambdaSettings(readConfig({ ...complete, ...changes }));

test('Lambda needs its function, PostgreSQL, a store of objects and secrets, and says which is missing', () => {
  assert.deepEqual(settingsOf(), { functionName: 'signalbox', qualifier: 'live' });
  for (const variable of Object.keys(complete).slice(1)) {
    assert.throws(
      () => settingsOf({ [variable]: '' }),
      (error: Error) => error.message.includes(`and ${variable} is not set`) && !error.message.includes('\n'),
      variable,
    );
  }
  assert.throws(() => settingsOf({ SIGNALBOX_ENGINE: 'restate' }), { message: /Set it to lambda/ });
});

test('the function is a name or an ARN, with a version or an alias', () => {
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:signalbox';
  for (const [text, functionName, qualifier] of [
    ['f:$LATEST', 'f', '$LATEST'],
    [`${arn}:7`, arn, '7'],
  ]) {
    assert.deepEqual(settingsOf({ SIGNALBOX_LAMBDA_FUNCTION: text! }), { functionName, qualifier });
  }
  for (const text of ['signalbox', ':live', 'signalbox:', 'a b:live', arn, `${'x'.repeat(65)}:1`]) {
    const message = /^SIGNALBOX_LAMBDA_FUNCTION is .*Expected a function and a version or alias/;
    assert.throws(() => settingsOf({ SIGNALBOX_LAMBDA_FUNCTION: text }), { message });
  }
});

test('a process is a gateway of Lambda, or both of nothing, never a worker', () => {
  const check = (role: string) => checkRole(readConfig({ ...complete, SIGNALBOX_ROLE: role }));
  check('gateway');
  check('all');
  assert.throws(() => check('worker'), { code: 'config_invalid', message: /a function of AWS executes/ });
});
