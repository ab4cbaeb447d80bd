import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const ROOT = join(__dirname, '../../..');

/** A Markdown file of the repository. */
export interface Document {
  /** Below the repository's folder. */
  readonly path: string;
  readonly bytes: number;
  /** Where its links lead, without those to other sites. */
  readonly links: string[];
  /** What it shows as `code` within a sentence. */
  readonly code: string[];
}

const NOT_OURS = ['node_modules', 'dist', 'coverage'];

/** Every file of the repository, but what is installed, built or stored. */
export const repositoryFiles = (folder = ''): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap(({ name }) => {
    const path = folder ? `${folder}/${name}` : name;
    if (NOT_OURS.includes(name) || (name.startsWith('.') && !name.startsWith('.ci') && name !== '.env.example'))
      return [];
    return statSync(join(ROOT, path)).isDirectory() ? repositoryFiles(path) : [path];
  });

/** Every document that people read. */
export function readDocuments(): Document[] {
  return repositoryFiles()
    .filter((path) => path.endsWith('.md'))
    .map((path) => {
      const text = proseOf(path);
      return {
        path,
        bytes: statSync(join(ROOT, path)).size,
        links: [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link).filter((link) => !/^[a-z]+:/.test(link)),
        code: [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code),
      };
    });
}

/** Without fenced code. */
const proseOf = (path: string) => readFileSync(join(ROOT, path), 'utf8').replace(/^( *)```[\s\S]*?^\1```/gm, '');

/** What is wrong with a link of a document; nothing if it leads somewhere. */
export function brokenLink(from: string, link: string): string | undefined {
  const [file, anchor] = link.split('#');
  const target = file ? resolve(ROOT, dirname(from), decodeURIComponent(file)) : join(ROOT, from);
  if (!existsSync(target)) return `${from}: ${link} leads to no file`;
  if (anchor && !anchorsOf(target).includes(anchor)) return `${from}: ${link} leads to no heading`;
  return undefined;
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(file: string): string[] {
  const headings = [
    ...readFileSync(file, 'utf8')
      .replace(/^```[\s\S]*?^```/gm, '')
      .matchAll(/^#+ (.*)$/gm),
  ];
  return headings.map(([, title]) =>
    title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}
