import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '../..');
const run = promisify(execFile);

/** A small project that is built as ours is. */
describe('npm run build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-build-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  /** What it says. */
  const build = async () => (await run('node', ['scripts/build.mjs'], { cwd: folder })).stderr;
  const result = async () => (await run('node', ['dist/src/main.js'], { cwd: folder })).stdout.trim();

  beforeAll(() => {
    for (const path of ['scripts/build.mjs', '.swcrc']) cpSync(join(ROOT, path), join(folder, path));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    write('package-lock.json', '{}');
    write('ormconfig.ts', 'export default 1;');
    write('src/main.ts', "import { Thread } from './thread';\nconsole.log(new Thread().title);\n");
    write('src/thread.ts', 'export class Thread {\n  title: string = "one";\n}\n');
    write('src/thread.spec.ts', 'nothing that compiles (');
  });

  it('says what it does, builds without the tests, and not again until a source changes', async () => {
    expect(await build()).toMatch(/^Building…\nBuilt 3 files in [\d.]+ s\n$/);
    expect(existsSync(join(folder, 'dist/src/thread.spec.js'))).toBe(false);
    expect(await result()).toBe('one');
    expect(await build()).toBe('');
    write('src/thread.ts', 'export class Thread {\n  title: string = "two";\n}\n');
    expect(await build()).toContain('Building…');
    expect(await result()).toBe('two');
  });

  it('removes what has no source any more, so that no old entity or migration is found', async () => {
    write('src/old.entity.ts', 'export const old = 1;\n');
    await build();
    expect(existsSync(join(folder, 'dist/src/old.entity.js'))).toBe(true);
    rmSync(join(folder, 'src/old.entity.ts'));
    await build();
    expect(existsSync(join(folder, 'dist/src/old.entity.js'))).toBe(false);
  });

  it('leaves a good program when it runs several times at once, and says where a source is wrong', async () => {
    rmSync(join(folder, 'dist'), { recursive: true });
    await Promise.all([build(), build(), build()]);
    expect(await result()).toBe('two');
    write('src/thread.ts', 'export class {');
    await expect(build()).rejects.toThrow(/thread\.ts:1:1/);
    expect(await result()).toBe('two');
  });

  it('keeps the types of decorated members, which the ORM and the validation read', async () => {
    const thread =
      'const seen: PropertyDecorator = () => undefined;\nexport class Thread {\n  @seen title!: string;\n}\n';
    write('src/thread.ts', thread);
    await build();
    expect(readFileSync(join(folder, 'dist/src/thread.js'), 'utf8')).toMatch(/"design:type", String/);
  });

  it('nest-cli.json names what there is', () => {
    const { sourceRoot, entryFile, compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'nest-cli.json'), 'utf8'));
    for (const path of [sourceRoot, `${entryFile}.ts`, compilerOptions.tsConfigPath])
      expect(existsSync(join(ROOT, path))).toBe(true);
  });

  it('keeps the names of several exports for who loads a file later, by import()', async () => {
    write('src/two.ts', 'export const one = () => 1;\nexport const two = () => 2;\n');
    write('src/main.ts', "void import('./two.js').then(({ one, two }) => console.log(one() + two()));\n");
    await build();
    expect(await result()).toBe('3');
  });
});
