import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type SecretsManagerServer,
  startSecretsManagerServer,
} from '../../../test/fixtures/secrets-manager-server.ts';
import { Secret } from '../../core/secret.ts';
import { testSecrets } from '../contract.ts';
import { createSecretsManager, type SecretsManager, type SecretsManagerOptions } from './secrets-manager.ts';

async function empty(options: SecretsManagerOptions = {}) {
  const server = await startSecretsManagerServer();
  const { accessKeyId, secretAccessKey } = server.credentials;
  const secrets = createSecretsManager({
    endpoint: server.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId, secretAccessKey: new Secret(secretAccessKey) },
    ...options,
  });
  const close = async () => {
    secrets.close();
    await server.close();
  };
  return { server, secrets, close };
}

const withServer =
  (
    check: (secrets: SecretsManager, server: SecretsManagerServer) => Promise<void>,
    options?: SecretsManagerOptions,
  ) =>
  async () => {
    const { secrets, server, close } = await empty(options);
    try {
      await check(secrets, server);
    } finally {
      await close();
    }
  };

testSecrets('AWS Secrets Manager', async () => {
  const { secrets, server, close } = await empty();
  return {
    secrets,
    nameOf: (key) => `signalbox/${key}`,
    async put(key, text) {
      server.secrets.set(`signalbox/${key}`, text);
    },
    close,
  };
});

const throttled = { status: 400, type: 'ThrottlingException' };
const broken = { status: 500, type: 'InternalServiceError' };

describe('AWS Secrets Manager', () => {
  test(
    'gives bytes as text, and one field of a JSON object',
    withServer(async (secrets, server) => {
      server.secrets.set('binary', Buffer.from('täxt'));
      server.secrets.set('fields', '{"keys":"a,b","n":1}');
      assert.equal((await secrets.read('binary')).reveal(), 'täxt');
      assert.equal((await secrets.read('fields#keys')).reveal(), 'a,b');
      assert.deepEqual(server.asked, ['binary', 'fields']);
      for (const name of ['fields#none', 'fields#n', 'binary#keys']) {
        await assert.rejects(secrets.read(name), { code: 'config_invalid', message: /no JSON object with/ });
      }
    }),
  );

  test(
    'tries again when AWS is busy or broken, or the connection ends',
    withServer(async (secrets, server) => {
      server.secrets.set('key', 'text');
      server.fail(throttled, broken, 'lost');
      assert.equal((await secrets.read('key')).reveal(), 'text');
      assert.equal(server.asked.length, 4);
    }),
  );

  test(
    'gives up after five attempts and says what it was',
    withServer(async (secrets, server) => {
      server.fail(...Array.from({ length: 5 }, () => throttled));
      await assert.rejects(secrets.read('key'), {
        code: 'secret_unavailable',
        message: /key of AWS Secrets Manager .*ThrottlingException.*after 5 attempts/,
      });
      assert.equal(server.asked.length, 5);
    }),
  );

  test(
    'does not wait for ever for an answer',
    withServer(
      async (secrets, server) => {
        server.fail(...Array.from({ length: 5 }, () => 'silence' as const));
        await assert.rejects(secrets.read('key'), { code: 'secret_unavailable', message: /TimeoutError/ });
      },
      { answerMs: 50 },
    ),
  );

  test(
    'says what to do about what no further attempt mends, and makes none',
    withServer(async (secrets, server) => {
      const faults = {
        AccessDeniedException: /Allow secretsmanager:GetSecretValue/,
        DecryptionFailure: /kms:Decrypt/,
        InvalidRequestException: /marked for deletion/,
        UnrecognizedClientException: /Check AWS_ACCESS_KEY_ID/,
      };
      for (const [type, message] of Object.entries(faults)) {
        server.fail({ status: 400, type });
        await assert.rejects(secrets.read('key'), { code: 'config_invalid', message }, type);
      }
      assert.equal(server.asked.length, Object.keys(faults).length);
    }),
  );

  test(
    'signs with the credentials that it was given',
    withServer(
      async (secrets, server) => {
        server.secrets.set('key', 'text');
        await assert.rejects(secrets.read('key'), { code: 'config_invalid', message: /UnrecognizedClient/ });
      },
      { credentials: { accessKeyId: 'AKOTHER', secretAccessKey: new Secret('x') } },
    ),
  );
});
