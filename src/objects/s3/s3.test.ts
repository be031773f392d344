import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Fault, type S3Server, startS3Server } from '../../../test/fixtures/s3-server.ts';
import { Secret } from '../../core/secret.ts';
import { testObjects } from '../contract.ts';
import { createS3Objects, type S3Objects, type S3Options } from './s3.ts';

async function emptyBucket(options: Partial<S3Options> = {}, pageSize?: number) {
  const server = await startS3Server({ ...(pageSize && { pageSize }) });
  const { accessKeyId, secretAccessKey } = server.credentials;
  const objects = createS3Objects({
    bucket: 'bucket',
    prefix: 'signalbox/test',
    endpoint: server.endpoint,
    credentials: { accessKeyId, secretAccessKey: new Secret(secretAccessKey) },
    ...options,
  });
  const close = async () => {
    objects.close();
    await server.close();
  };
  return { server, objects, close };
}

const withBucket =
  (check: (objects: S3Objects, server: S3Server) => Promise<void>, options?: Partial<S3Options>) =>
  async () => {
    const { objects, server, close } = await emptyBucket(options);
    try {
      await check(objects, server);
    } finally {
      await close();
    }
  };

testObjects('s3', emptyBucket);
// Pages of two, and no prefix.
testObjects('s3 in small pages', () => emptyBucket({ prefix: '' }, 2));

const busy = { status: 503, code: 'SlowDown' };
const broken = { status: 500, code: 'InternalError' };
const large = Buffer.alloc(20 * 1_048_576, 'x');

describe('s3', () => {
  test(
    'tries again when the store is busy or broken, or the connection ends',
    withBucket(async (objects, server) => {
      server.fail(/^PUT/, busy, broken, 'lost');
      await objects.put('k', 'body');
      server.fail(/^GET/, busy, 'lost', 'half', broken, 'half');
      assert.equal((await objects.get('k'))?.toString(), 'body');
      server.fail(/^DELETE/, busy);
      await objects.delete('k');
      assert.equal(server.objects.size, 0);
    }),
  );

  test(
    'gives up after five attempts and says what it was',
    withBucket(async (objects, server) => {
      server.fail(/^PUT/, ...Array.from({ length: 9 }, () => broken));
      await assert.rejects(objects.put('k', 'body'), {
        code: 'storage_failed',
        message:
          'The object s3://bucket/signalbox/test/k could not be written: InternalError: This is InternalError, after 5 attempts. Check the store of objects and the way to it.',
      });
      assert.equal(server.requests.length, 5);
    }),
  );

  test(
    'does not wait for ever for an answer',
    withBucket(
      async (objects, server) => {
        server.fail(/^GET/, 'silence');
        assert.equal(await objects.get('k'), undefined);
        server.fail(/^PUT/, ...Array.from({ length: 5 }, () => 'silence' as const));
        await assert.rejects(objects.put('k', 'body'), { code: 'storage_failed' });
      },
      { timeouts: { connectMs: 1_000, answerMs: 100, bodyMs: 1_000 } },
    ),
  );

  test(
    'gives a large body the time that it takes, and no small one more for that',
    withBucket(
      async (objects, server) => {
        const slowly: Fault = { afterMs: 300 };
        server.fail(/^PUT .*small/, ...Array.from({ length: 5 }, () => slowly));
        await assert.rejects(objects.put('small', 'body'), { code: 'storage_failed' });
        server.fail(/^PUT .*large/, slowly);
        await objects.put('large', large.subarray(0, 100_000));
        assert.equal(server.requests.filter((line) => /^PUT .*large/.test(line)).length, 1);
      },
      { timeouts: { connectMs: 1_000, answerMs: 100, bodyMs: 1_000 } },
    ),
  );

  test(
    'knows its own write whose answer was lost from that of another',
    withBucket(async (objects, server) => {
      server.fail(/^PUT/, 'lost');
      await objects.put('k', 'mine', { expects: null });
      server.fail(/^PUT/, 'lost');
      await objects.put('k', 'mine still', { expects: (await objects.read('k'))!.version });
      assert.equal((await objects.get('k'))?.toString(), 'mine still');
      server.fail(/^PUT/, broken);
      await assert.rejects(objects.put('k', 'another', { expects: null }), { code: 'object_changed' });
    }),
  );

  test(
    'writes again when S3 says that two wrote at the same time',
    withBucket(async (objects, server) => {
      const simultaneous = { status: 409, code: 'ConditionalRequestConflict' };
      server.fail(/^PUT/, simultaneous, simultaneous);
      await objects.put('k', 'body', { expects: null });
      assert.equal((await objects.get('k'))?.toString(), 'body');
      server.fail(/^POST .*uploadId/, simultaneous);
      await objects.put('large', large, { expects: null });
      assert.equal(server.uploads.size, 0);
    }),
  );

  test(
    'uploads large objects in parts, and leaves none behind',
    withBucket(async (objects, server) => {
      server.fail(/partNumber=2/, busy, 'lost');
      server.fail(/^POST .*uploadId/, broken, 'lost');
      await objects.put('large', large, { expects: null });
      const parts = server.requests.filter((line) => line.includes('partNumber='));
      assert.equal(parts.length, 3 + 2);
      assert.ok(server.objects.get('signalbox/test/large')?.body.equals(large));

      server.fail(/partNumber=3/, { status: 403, code: 'AccessDenied' });
      await assert.rejects(objects.put('other', large), { code: 'storage_failed', message: /s3:PutObject/ });
      assert.deepEqual([...server.objects.keys()], ['signalbox/test/large']);
      assert.equal(server.uploads.size, 0);
    }),
  );

  for (const [encryption, algorithm, keyId] of [
    [{ algorithm: 'AES256' }, 'AES256', undefined],
    [{ algorithm: 'aws:kms' }, 'aws:kms', undefined],
    [{ algorithm: 'aws:kms', keyId: 'key-1' }, 'aws:kms', 'key-1'],
  ] as const) {
    test(
      `asks for encryption: ${JSON.stringify(encryption)}`,
      withBucket(
        async (objects, server) => {
          await objects.put('small', 'x', { contentType: 'text/plain' });
          await objects.put('large', large);
          for (const { headers } of server.objects.values()) {
            assert.equal(headers['x-amz-server-side-encryption'], algorithm);
            assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], keyId);
          }
          assert.equal(server.objects.get('signalbox/test/small')?.headers['content-type'], 'text/plain');
        },
        { encryption },
      ),
    );
  }

  test(
    'neither shows nor touches what others have in the bucket',
    withBucket(async (objects, server) => {
      const theirs = { body: Buffer.from('x'), etag: '"1"', headers: {} };
      for (const key of ['other/1', 'signalbox/test2/1', 'signalbox/test/', 'signalbox/test/a b']) {
        server.objects.set(key, theirs);
      }
      await objects.put('ours', 'x');
      assert.deepEqual(await objects.list(''), ['ours']);
      assert.equal(objects.location('ours'), 's3://bucket/signalbox/test/ours');
    }),
  );

  test(
    'has the same object for each key that the port takes',
    withBucket(async (objects, server) => {
      const key = 'a/Z9._=+@:,-/b';
      await objects.put(key, 'x');
      assert.deepEqual([...server.objects.keys()], [`signalbox/test/${key}`]);
      assert.equal((await objects.get(key))?.toString(), 'x');
    }),
  );
});

describe('s3: the check at the start', () => {
  const wrongKey = { accessKeyId: 'AKOTHER', secretAccessKey: new Secret('x') };
  const wrongSecret = { accessKeyId: 'AKTEST', secretAccessKey: new Secret('not-the-one') };
  const cases: readonly [string, Partial<S3Options>, RegExp][] = [
    ['another bucket', { bucket: 'absent' }, /s3:\/\/absent\/.*NoSuchBucket.*SIGNALBOX_OBJECTS/],
    ['another key', { credentials: wrongKey }, /InvalidAccessKeyId.*AWS_ACCESS_KEY_ID/],
    ['another secret', { credentials: wrongSecret }, /SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY/],
  ];
  for (const [what, options, message] of cases) {
    test(
      `refuses ${what}`,
      withBucket(async (objects) => {
        await assert.rejects(objects.check(), { code: 'config_invalid', message });
        await assert.rejects(
          async () => objects.get('k'),
          (error: Error) =>
            !JSON.stringify(error).includes('not-the-one') && !error.message.includes('not-the-one'),
        );
      }, options),
    );
  }

  test(
    'tells a store that is away from a wrong configuration',
    withBucket(async (objects, server) => {
      await objects.check();
      await server.close();
      await assert.rejects(objects.check(), { code: 'storage_failed' });
    }),
  );
});
