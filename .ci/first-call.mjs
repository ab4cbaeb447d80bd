/** Starts the built server on a throw-away database by the Node that runs this, appends a message and reads it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const LIMIT_MS = 120_000;

const env = { PATH: process.env.PATH, DB_BACKEND: 'memory', HOST: '127.0.0.1', PORT: '0' };
const server = spawn(process.execPath, ['dist/src/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
const timer = setTimeout(() => server.kill('SIGTERM'), LIMIT_MS);
const ended = once(server, 'exit');

const address = new Promise((resolve, reject) => {
  let output = '';
  server.stdout.on('data', (chunk) => {
    output += chunk;
    const url = /ready on (http:\S+:\d+)/.exec(output)?.[1];
    if (url) resolve(url);
  });
  void ended.then(() => reject(new Error(`The server did not start:\n${output}`)));
});

async function call(path, status, body) {
  const headers = { 'content-type': 'application/json' };
  const options = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${await address}/api${path}`, options);
  assert.equal(answer.status, status, `${path}: ${answer.status}`);
  return answer.json();
}

try {
  await call('/health', 200);
  await call('/sessions/first/messages', 201, { role: 'user', content: 'Hello' });
  const { data } = await call('/sessions/first/messages', 200);
  assert.deepEqual(
    data.map(({ role, content }) => [role, content]),
    [['user', 'Hello']],
  );
} finally {
  server.kill('SIGTERM');
  clearTimeout(timer);
}
const [code] = await ended;
assert.equal(code, 0, `The server ended with ${code}`);
console.log(`The server answers on Node ${process.version}`);
