import { readSources, type Import, type Source } from '../support/sources';

/** The import rules of the source tree (design 2), and what is forbidden because it goes around the door (design 3). */
const sources = readSources();

const FOUNDATIONS: Record<string, string[]> = {
  common: [],
  config: ['common'],
  'embedded-postgres': ['common', 'config'],
  database: ['common', 'config', 'embedded-postgres'],
  http: ['common', 'config'],
  workers: ['common', 'config'],
  tokens: ['common', 'config'],
};
const SYSTEM_DATABASE = ['auth', 'organizations', 'cleanup', 'admin', 'health'];
const OPEN_TO_ALL = [
  'auth/access',
  'organizations/principal',
  'idempotency/idempotency-key',
  'messages/append/append-answer',
  'sessions/session-views',
  'sessions/turns/agent-turn-lease',
  'threads/target',
  'threads/thread-access',
];
const FRONT_DOORS = ['grpc', 'mcp', 'openai'];

const mayImportAnything = (source: Source) => ['', 'cli'].includes(source.folder);
const folderOf = (module: string) => module.split('/')[0];
const endsIn = (path: string, suffix: string) => path.replace(/\.ts$/, '').endsWith(`.${suffix}`);

/** Every import that breaks a rule, as one line to read. */
function violations(breaks: (source: Source, statement: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((statement) => breaks(source, statement))
      .map((statement) => `${source.path} imports ${statement.typeOnly ? 'type ' : ''}${statement.from}`),
  );
}

const filesWith = (pattern: RegExp, except: (source: Source) => boolean = () => false) =>
  sources.filter((source) => !except(source) && pattern.test(withoutComments(source.text))).map(({ path }) => path);

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '$1');

describe('Imports', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(30);
    expect(sources.flatMap((source) => source.imports).length).toBeGreaterThan(100);
  });

  it.each(Object.entries(FOUNDATIONS))('%s imports only %j of ours', (folder, allowed) => {
    const broken = violations(
      (source, { ours }) => source.folder === folder && !!ours && ![folder, ...allowed].includes(folderOf(ours)),
    );
    expect(broken).toEqual([]);
  });

  it('X01 a feature imports the service or the module of another one only', () => {
    expect(violations(breaksFeatureRule)).toEqual([]);
  });

  it('front doors import services only', () => {
    const broken = violations(
      (source, { ours }) => FRONT_DOORS.includes(source.folder) && !!ours && endsIn(ours, 'repository'),
    );
    expect(broken).toEqual([]);
  });

  it('only database/, entities and repositories know typeorm and pg', () => {
    const may = ({ path, folder }: Source) =>
      ['database', 'embedded-postgres'].includes(folder) || endsIn(path, 'entity') || endsIn(path, 'repository');
    const broken = violations((source, { from }) => !may(source) && /^(typeorm|pg|@nestjs\/typeorm)($|\/)/.test(from));
    expect(broken).toEqual([]);
  });

  it('only what has no tenant yet may use the SystemDatabase', () => {
    const may = ({ folder }: Source) => [...SYSTEM_DATABASE, 'database', 'cli'].includes(folder);
    const broken = violations((source, { ours }) => !may(source) && ours === 'database/door/system-database');
    expect(broken).toEqual([]);
  });
});

describe('The one door', () => {
  it('has no way around it: no @InjectRepository, no @InjectDataSource, no DataSource outside database/', () => {
    const inDatabase = ({ folder }: Source) => folder === 'database';
    expect(filesWith(/@Inject(Repository|DataSource|EntityManager)\b/)).toEqual([]);
    expect(filesWith(/\bDataSource\b/, inDatabase)).toEqual([]);
  });

  it('never save() or remove(): they write by primary key, whoever owns the row', () => {
    expect(filesWith(/\.(save|remove|softRemove|recover|upsert)\(/, ({ path }) => isAboutFiles(path))).toEqual([]);
  });

  it('only config/ reads process.env', () => {
    expect(filesWith(/\bprocess\.env\b/, ({ folder }) => folder === 'config')).toEqual([]);
  });
});

const isAboutFiles = (path: string) => path.startsWith('embedded-postgres/');

/**
 * Beyond services and modules: declarations may refer to declarations (an entity to the entity of a foreign key, a
 * DTO to a nested DTO), a controller to the DTO that another feature's service answers with, and types cost nothing.
 */
function breaksFeatureRule(source: Source, { ours, typeOnly }: Import): boolean {
  if (!ours || mayImportAnything(source) || source.folder in FOUNDATIONS) return false;
  const target = folderOf(ours);
  if (target === source.folder || target in FOUNDATIONS || OPEN_TO_ALL.includes(ours)) return false;
  if (endsIn(ours, 'service') || endsIn(ours, 'module')) return false;
  if (endsIn(ours, 'entity')) return !typeOnly && !endsIn(source.path, 'entity');
  if (endsIn(ours, 'dto')) return !typeOnly && !endsIn(source.path, 'dto') && !endsIn(source.path, 'controller');
  return true;
}
