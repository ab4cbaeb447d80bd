/**
 * A way to PostgreSQL that fails as networks and servers do.
 *
 *     const proxy = await DatabaseProxy.to(database.url);
 *     const server = await startServer({ DATABASE_URL: proxy.url });
 *     proxy.refuseAfterGreeting(3);       // the next three connections are greeted and ended in one packet
 *     proxy.silence('open');              // bytes of the connections that are open go nowhere, in both directions
 *     proxy.silence('all');               // those of all connections, also of new ones
 *     proxy.silenceAt('Hello');           // those of the connection by which this text is sent, from then on
 *     proxy.silenceAt('Hello', true);     // the same, but PostgreSQL gets it: only its answer goes nowhere
 *     proxy.heal();                       // new connections work; what has fallen silent stays so
 *     await proxy.close();
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `ReadyForQuery`, outside of a transaction. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  silent: boolean;
}

export class DatabaseProxy {
  private readonly pairs = new Set<Pair>();
  private silent: 'all' | { at: string; delivers: boolean } | undefined;
  private refusals = 0;

  private constructor(
    private readonly target: URL,
    private readonly listener: Server,
  ) {}

  static async to(url: string): Promise<DatabaseProxy> {
    const listener = createServer();
    const proxy = new DatabaseProxy(new URL(url), listener);
    listener.on('connection', (client) => proxy.accept(client));
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** The same database by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    Object.assign(url, { hostname: '127.0.0.1', port: String((this.listener.address() as AddressInfo).port) });
    return url.toString();
  }

  /** Connections that have fallen silent, and that the client has not closed. */
  get silentOnes(): number {
    return [...this.pairs].filter(({ client, silent }) => silent && !client.closed).length;
  }

  silence(which: 'open' | 'all'): void {
    this.silent = which === 'all' ? 'all' : undefined;
    for (const pair of this.pairs) pair.silent = true;
  }

  silenceAt(at: string, delivers = false): void {
    this.silent = { at, delivers };
  }

  heal(): void {
    this.silent = undefined;
  }

  /** The next `count` connections get the greeting and a FATAL error in one packet, and are closed. */
  refuseAfterGreeting(count: number): void {
    this.refusals = count;
  }

  /** Breaks all connections. */
  cut(): void {
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.listener.close();
    await once(this.listener, 'close');
  }

  private accept(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const pair: Pair = { client, server, silent: this.silent === 'all' };
    this.pairs.add(pair);
    let greeted = this.refusals === 0;
    if (!greeted) this.refusals -= 1;
    client.on('data', (bytes) => this.forward(pair, bytes));
    server.on('data', (bytes: Buffer) => {
      if (pair.silent) return;
      if (greeted || !bytes.includes(READY)) return void client.write(bytes);
      greeted = true;
      client.end(Buffer.concat([bytes, fatal('57P01', 'terminating connection due to administrator command')]));
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => this.ended(pair));
    }
  }

  private forward(pair: Pair, bytes: Buffer): void {
    if (pair.silent) return;
    const { silent } = this;
    const begins = typeof silent === 'object' && bytes.includes(silent.at);
    if (!begins || silent.delivers) pair.server.write(bytes);
    if (!begins) return;
    pair.silent = true;
    this.silent = undefined;
  }

  /** The other end does not hear of it where the connection is silent. */
  private ended(pair: Pair): void {
    const both = [pair.client, pair.server];
    if (!pair.silent) for (const socket of both) socket.destroy();
    if (both.every(({ closed }) => closed)) this.pairs.delete(pair);
  }
}

function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`, 'latin1');
  const head = Buffer.alloc(5, 'E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
