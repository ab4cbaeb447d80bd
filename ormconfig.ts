import { DataSource } from 'typeorm';
import { loadConfig, loadEnvFile } from './src/config/config';
import { dataSourceOptions } from './src/database/data-source';

loadEnvFile();
const { database } = loadConfig();
if (database.kind !== 'server') throw new Error('Set DATABASE_URL: the TypeORM command line needs a running server.');

/** For the TypeORM command line: `npx typeorm -d dist/ormconfig.js migration:show`. */
export default new DataSource(dataSourceOptions(database.ownerUrl));
