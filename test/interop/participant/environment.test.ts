import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refused, readEnvironment } from './environment.ts'

const lower = { is_dialer: 'true', transport: 'tcp', security: 'noise', muxer: 'yamux' }
const upper = {
  IS_DIALER: 'false',
  TRANSPORT: 'tcp',
  SECURE_CHANNEL: 'noise',
  MUXER: 'yamux',
  REDIS_ADDR: 'transport-redis:6379',
  TEST_KEY: 'a5b50d5e',
  LISTENER_IP: '0.0.0.0',
  DEBUG: 'true',
}

test('the variables of test-plans, and what counts where they are not set', () => {
  assert.deepEqual(readEnvironment(lower), {
    dialect: 'test-plans',
    role: 'dialer',
    ip: '0.0.0.0',
    redis: { host: 'redis', port: 6379 },
    key: 'listenerAddr',
    timeout: 180_000,
    debug: false,
  })
})

test('the variables of unified-testing, which count where both are set', () => {
  assert.deepEqual(readEnvironment({ ...lower, ...upper, TEST_TIMEOUT_SECS: '30' }), {
    dialect: 'unified-testing',
    role: 'listener',
    ip: '0.0.0.0',
    redis: { host: 'transport-redis', port: 6379 },
    key: 'a5b50d5e_listener_multiaddr',
    timeout: 30_000,
    debug: true,
  })
})

test('what cannot be done is refused in one sentence that names the variable', () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /Set is_dialer/],
    [{ ...lower, transport: 'quic-v1' }, /transport=tcp, not quic-v1/],
    [{ ...lower, security: 'tls' }, /security=noise, not tls/],
    [{ ...lower, muxer: '' }, /muxer=yamux, not nothing/],
    [{ ...lower, is_dialer: 'yes' }, /is_dialer/],
    [{ ...lower, ip: 'eth0' }, /IPv4/],
    [{ ...lower, redis_addr: 'redis' }, /redis_addr/],
    [{ ...lower, redis_addr: 'redis:65536' }, /redis_addr/],
    [{ ...lower, test_timeout_seconds: '0' }, /test_timeout_seconds/],
    [{ ...upper, TEST_KEY: '' }, /TEST_KEY/],
    [{ ...upper, MUXER: 'mplex' }, /MUXER=yamux, not mplex/],
  ]
  for (const [env, sentence] of wrong) {
    assert.throws(
      () => readEnvironment(env),
      (error: unknown) => error instanceof Refused && sentence.test(error.message),
    )
  }
})
