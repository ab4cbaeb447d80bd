/** The plans of what a repository sends, as the tenant's role runs it, under row-level security. */
import type { QueryConfig } from 'pg';
import type { Statement, Values } from '../../../src/database/door/sql';
import { TenantDatabase, type TenantTx } from '../../../src/database/door/tenant-database';
import { toQuery } from '../../../src/database/door/tx';
import type { TestApp } from '../world/app';

interface Explained {
  'QUERY PLAN': any[];
}

/** EXPLAIN of what pg would be given, without a name. */
export function toExplain({ text, values = [] }: QueryConfig, options: string): [Statement<string, Explained>, Values] {
  return [{ name: '', text: `EXPLAIN (${options}) ${text}`, parameters: Object.keys(values) }, { ...values }];
}

/**
 * Runs `work` in a read-only transaction where each statement answers no rows and leaves its plan instead.
 * @param options of EXPLAIN
 * @returns the last statement's plan as JSON text
 */
export async function explain(
  app: TestApp,
  orgId: string,
  work: (tx: TenantTx) => Promise<unknown>,
  options = 'FORMAT JSON',
): Promise<string> {
  let plan = '';
  await app.app.get(TenantDatabase).read({ orgId }, async (tx) => {
    const send = async (...statement: Parameters<typeof toQuery>) => {
      const rows = await tx.query(...toExplain(toQuery(...statement), options));
      plan = JSON.stringify(rows[0]['QUERY PLAN'][0]);
      return { rows: [], rowCount: 0, command: 'SELECT' };
    };
    await work(Object.assign(Object.create(tx) as TenantTx, { send }));
  });
  return plan;
}
