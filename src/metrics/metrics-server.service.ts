import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONFIG, type Config } from '../config/config';
import { MetricsService } from './metrics.service';

/** Serves the metrics on `METRICS_PORT`, without a key: the port is for the inside of a network only. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Metrics');
  private server?: Server;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: MetricsService,
  ) {}

  /** The port taken, when there is a server. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | null | undefined)?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { METRICS_PORT, HOST } = this.config.env;
    if (METRICS_PORT === undefined) return;
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.listen(METRICS_PORT, HOST);
    await once(this.server, 'listening').catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EADDRINUSE' ? new Error(`METRICS_PORT ${METRICS_PORT} is in use`, { cause: error }) : error;
    });
    this.logger.log(`Metrics on http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${this.port}/metrics`);
  }

  onApplicationShutdown(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    const known = (method === 'GET' || method === 'HEAD') && url?.split('?')[0] === '/metrics';
    if (!known) return void response.writeHead(404).end();
    try {
      const text = await this.metrics.render();
      response.writeHead(200, { 'content-type': this.metrics.contentType }).end(text);
    } catch (error) {
      this.logger.error(error);
      response.writeHead(500).end();
    }
  }
}
