/** The door by itself, without HTTP: what a repository whose filter was forgotten could do. */
import { DataSource } from 'typeorm';
import { loadConfig } from '../../../src/config/config';
import { dataSourceOptions } from '../../../src/database/data-source';
import { Connections } from '../../../src/database/door/connections';
import { SystemDatabase } from '../../../src/database/door/system-database';
import { TenantDatabase } from '../../../src/database/door/tenant-database';

export interface Door {
  readonly db: TenantDatabase;
  readonly system: SystemDatabase;
  readonly connections: Connections;
  close(): Promise<void>;
}

export async function openDoor(url: string, variables: Record<string, string> = {}): Promise<Door> {
  const config = loadConfig({ DATABASE_URL: url, NODE_ENV: 'test', ...variables });
  const dataSource = await new DataSource(dataSourceOptions(url, config.env)).initialize();
  const connections = new Connections(dataSource, config);
  return {
    db: new TenantDatabase(connections, config),
    system: new SystemDatabase(connections, config),
    connections,
    close: () => dataSource.destroy(),
  };
}

/** Organizations with reads under way: none, as soon as nobody reads. */
export function readingOrganizations({ db }: Door): number {
  const { shared } = db as unknown as { shared: { organizations: Map<string, unknown> } };
  return shared.organizations.size;
}
