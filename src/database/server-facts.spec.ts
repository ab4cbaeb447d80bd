import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspectServer } from './server-facts';

describe('A server that takes connections and never answers', () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('is tried three times, and then given up', async () => {
    const { port } = server.address() as AddressInfo;
    await expect(inspectServer(`postgresql://a:b@127.0.0.1:${port}/x`, 50)).rejects.toThrow(/timeout/i);
    expect(sockets).toHaveLength(3);
  });
});
