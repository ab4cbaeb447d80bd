import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { workerLink } from '../workers';
import { Connections } from '../database/door/connections';
import { EVENTS } from '../http/answer/event-stream';
import { routeOf } from '../http/server/request-hooks';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Prometheus metrics of this app alone: a registry of its own, so that two apps in a process don't mix. */
@Injectable()
export class MetricsService {
  private readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer; without event streams.',
    labelNames: ['method', 'route'],
    buckets: BUCKETS,
    registers: [this.registry],
  });

  readonly contentType = this.registry.contentType;

  constructor(private readonly connections: Connections) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({ name: 'server_processes', help: 'Processes that serve requests.', registers: [this.registry] }).set(1);
    this.gauge('pg_pool_connections', 'Connections to PostgreSQL.', (pool) => pool.total);
    this.gauge('pg_pool_idle_connections', 'Connections that nobody uses.', (pool) => pool.idle);
    this.gauge('pg_pool_waiting_requests', 'Transactions that wait for a connection.', (pool) => pool.waiting);
    workerLink?.offerMetrics(() => this.registry.getMetricsAsJSON());
  }

  /** The metrics in Prometheus' text format, of all processes of this instance. */
  render(): Promise<string> {
    return workerLink?.metrics() ?? this.registry.metrics();
  }

  /** Counts every request of the app, and times it; a stream lasts as long as its client likes, which says nothing. */
  observe(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request, reply, done) => {
      // The pattern, not the path: a series for each thread would bury the server that scrapes them.
      const labels = { method: request.method, route: routeOf(request) };
      this.requests.inc({ ...labels, status: reply.statusCode });
      const isStream = String(reply.getHeader('content-type')).startsWith(EVENTS);
      if (!isStream) this.durations.observe(labels, reply.elapsedTime / 1000);
      done();
    });
  }

  private gauge(name: string, help: string, read: (pool: Connections['stats']) => number) {
    const { connections, registry } = this;
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(connections.stats));
      },
    });
  }
}
