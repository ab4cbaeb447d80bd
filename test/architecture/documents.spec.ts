import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brokenLink, readDocuments, repositoryFiles, ROOT } from '../support/house/documents';

/** Other people's classes, which the documents speak of. */
const NOT_OURS = ['PostgresChatMessageHistory'];

describe('The documents', () => {
  const documents = readDocuments();
  const files = repositoryFiles();
  const named = (pattern: RegExp) =>
    documents.flatMap(({ path, code }) => code.filter((text) => pattern.test(text)).map((text) => ({ path, text })));

  it('are found', () => expect(documents.length).toBeGreaterThan(50));

  it.each(documents.map(({ path, links }) => [path, links] as const))('%s links to what is there', (path, links) => {
    expect(links.flatMap((link) => brokenLink(path, link) ?? [])).toEqual([]);
  });

  it('name paths that exist', () => {
    const isThere = (path: string) =>
      files.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`));
    const paths = named(/^(src|test|docs|bench|examples|scripts|\.ci)\/[\w./-]*$/);
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter(({ text }) => !isThere(text))).toEqual([]);
  });

  it('name source files that exist', () => {
    const names = new Set(files.map((file) => basename(file)));
    const sources = named(/^(?!x\.)[\w.-]+\.(ts|mjs|sh)$/);
    expect(sources.filter(({ text }) => !names.has(text))).toEqual([]);
  });

  it('name classes that exist', () => {
    const texts = files
      .filter((file) => /^(src|test)\/.*\.ts$/.test(file))
      .map((file) => readFileSync(join(ROOT, file), 'utf8'));
    const known = new Set(texts.join('\n').match(/\b[A-Z]\w+/g));
    const classes = named(/^[A-Z][a-z]+([A-Z][a-z]+)+(\.\w+)?$/).filter(({ text }) => !NOT_OURS.includes(text));
    expect(classes.length).toBeGreaterThan(5);
    expect(classes.filter(({ text }) => !known.has(text.split('.')[0]))).toEqual([]);
  });

  it.each([
    ['README.md', 12],
    ['ARCHITECTURE.md', 15],
  ])('%s has at most %i KB', (path, most) => {
    expect(documents.find((document) => document.path === path)?.bytes).toBeLessThanOrEqual(most * 1024);
  });

  it('ARCHITECTURE.md shows every room of the tree, and no other', () => {
    const tree = /^src\/\n([\s\S]*?)^test\//m.exec(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8'))?.[1] ?? '';
    const shown = [...tree.matchAll(/^ {2}(\S+\/(?: \S+\/)*)/gm)].flatMap(([, rooms]) => rooms.split(' '));
    // By their files: git leaves the empty folder of a room that has gone.
    const rooms = new Set(files.flatMap((file) => /^src\/([^/]+\/)/.exec(file)?.[1] ?? []));
    expect(shown.sort()).toEqual([...rooms].sort());
  });

  it('npm run soak runs every test that has a long form', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { soak: string } };
    const pattern = new RegExp(/'(.+)'/.exec(scripts.soak)![1]);
    const long = files
      .filter((file) => /spec\.ts$/.test(file) && file !== 'test/architecture/documents.spec.ts')
      .filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('process.env.SOAK'));
    expect(long.length).toBeGreaterThan(10);
    expect(long.filter((file) => !pattern.test(file))).toEqual([]);
  });

  it('docs/README.md leads to every page of docs/', () => {
    const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
    const pages = files.filter((file) => /^docs\/(?!README|decisions\/\d).*\.md$/.test(file));
    expect(pages.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
  });
});
