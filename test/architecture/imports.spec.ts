import { readSources, type Import, type Source } from '../support/house/sources';

/** The import rules of the source tree (design 2), and what is forbidden because it goes around the door (design 3). */
const sources = readSources();

/** Rooms below the features, and what they may import: their files are imported one by one. */
const FOUNDATIONS: Record<string, string[]> = {
  common: [],
  config: ['common'],
  'embedded-postgres': ['common', 'config'],
  database: ['common', 'config', 'embedded-postgres'],
  http: ['common', 'config'],
};
/** Features that know no other one. */
const LOW: Record<string, string[]> = { workers: ['common', 'config'], tokens: ['common', 'config'] };
const SYSTEM_DATABASE = ['auth', 'organizations', 'cleanup', 'admin', 'health'];
/** The room of a module; a file of the root is in none. */
const roomOf = (module: string) =>
  sources.some(({ path }) => path === `${module}.ts`) && !module.includes('/') ? '' : module.split('/')[0];
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

  it.each(Object.entries({ ...FOUNDATIONS, ...LOW }))('%s imports only %j of ours', (folder, allowed) => {
    const broken = violations(
      (source, { ours }) => source.folder === folder && !!ours && ![folder, ...allowed].includes(roomOf(ours)),
    );
    expect(broken).toEqual([]);
  });

  it('X01 a feature is imported by its index.ts only', () => {
    const broken = violations(
      ({ folder }, { ours }) =>
        !!ours && ![folder, ...Object.keys(FOUNDATIONS), ''].includes(roomOf(ours)) && ours !== roomOf(ours),
    );
    expect(broken).toEqual([]);
  });

  it('X01 an index.ts shows no repository: other features call services', () => {
    const shown = violations(
      ({ path }, { ours }) => /^[^/]+\/index\.ts$/.test(path) && !!ours && endsIn(ours, 'repository'),
    );
    expect(shown).toEqual([]);
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
