import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 100;
const LIMIT_MS = 1000;

/**
 * A load balancer as simple as they come: each connection goes to one of the servers whose readiness was 200 at the
 * last look, and what goes wrong there goes wrong for the client.
 *
 *     const proxy = await ReadyProxy.start([first.url]);
 *     proxy.add(second.url);
 *     const client = new Client(proxy.url, agent);
 *     await proxy.close();
 */
export class ReadyProxy {
  private readonly known = new Set<string>();
  private readonly ready = new Set<string>();
  private readonly sockets = new Set<Socket>();
  private readonly looking = new AbortController();
  private turn = 0;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => void this.forward(socket));
  }

  static async start(urls: string[]): Promise<ReadyProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new ReadyProxy(server);
    urls.forEach((url) => proxy.add(url));
    await proxy.look();
    void proxy.lookAgain();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Takes a server in, once it is ready. */
  add(url: string): void {
    this.known.add(url);
  }

  async close(): Promise<void> {
    this.looking.abort();
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private async forward(socket: Socket): Promise<void> {
    // On a machine that is overloaded, all may miss a probe.
    while (this.ready.size === 0 && !this.looking.signal.aborted) await sleep(LOOK_MS);
    if (this.ready.size === 0) return void socket.destroy();
    const urls = [...this.ready];
    const url = urls[(this.turn += 1) % urls.length];
    const { port, hostname: host } = new URL(url);
    const upstream = connect({ host, port: Number(port), allowHalfOpen: true });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ]) {
      this.sockets.add(one);
      one.on('error', () => other.destroy()).once('close', () => this.sockets.delete(one));
      one.pipe(other);
    }
  }

  private async lookAgain(): Promise<void> {
    const { signal } = this.looking;
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      await this.look();
    }
  }

  private async look(): Promise<void> {
    await Promise.all([...this.known].map((url) => this.lookAt(url)));
  }

  private async lookAt(url: string): Promise<void> {
    const isReady = await fetch(`${url}/api/health/ready`, { signal: AbortSignal.timeout(LIMIT_MS) }).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (isReady) this.ready.add(url);
    else this.ready.delete(url);
  }
}
