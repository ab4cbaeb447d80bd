/** What a source writes: by SQL in its texts, and by TypeORM's repositories. */
import ts from 'typescript';
import type { Source } from './sources';

const VERBS = ['insert', 'update', 'delete'] as const;
type Verb = (typeof VERBS)[number];
type Write = [table: string, verb: Verb];

/** Methods of TypeORM's repositories and query builders that write. */
const METHODS = new Map<string | undefined, Verb>([
  ['insert', 'insert'],
  ['update', 'update'],
  ['orUpdate', 'update'],
  ['increment', 'update'],
  ['decrement', 'update'],
  ['delete', 'delete'],
]);

/** In place of a table's name may stand a fragment. */
const SQL_WRITE =
  /\bINSERT INTO\s+([\w${}]+)|\bDELETE FROM\s+([\w${}]+)|(?<!\b(?:FOR|KEY|DO)\s+)\bUPDATE\s+([\w${}]+)/g;
const UPSERT = /\bINSERT INTO\s+(\w+)(?:(?!\bINSERT INTO\b)[\s\S])*?\bDO UPDATE\b/g;

/** Tables by the names of their entities. */
export function entityTables(sources: Source[]): Record<string, string> {
  const entities = sources.filter(({ path }) => path.endsWith('.entity.ts'));
  const found = entities.flatMap(({ text }) => [...text.matchAll(/@Entity\('(\w+)'\)[\s\S]*?export class (\w+)/g)]);
  return Object.fromEntries(found.map(([, table, name]) => [name, table]));
}

/**
 * Tables with what is done to them, as in `insert, delete`.
 * @param tables by the names of their entities
 * @throws for a write whose table cannot be seen
 */
export function writesOf(source: Source, tables: Record<string, string>): Record<string, string> {
  const verbs = new Map<string, Set<Verb>>();
  for (const [table, verb] of [...writesBySql(source), ...writesByOrm(source, tables)])
    verbs.set(table, (verbs.get(table) ?? new Set()).add(verb));
  const inOrder = (done: Set<Verb>) => VERBS.filter((verb) => done.has(verb)).join(', ');
  return Object.fromEntries([...verbs].map(([table, done]) => [table, inOrder(done)]));
}

/** What stands in texts of the source, outside of comments. */
export function writesBySql(source: Source): Write[] {
  return nodesOf(source).flatMap((node) => {
    if (!ts.isStringLiteral(node) && !ts.isTemplateLiteral(node)) return [];
    const text = node.getText();
    const upserts = [...text.matchAll(UPSERT)].map(([, table]): Write => [table, 'update']);
    if (upserts.length !== (text.match(/\bDO UPDATE\b/g) ?? []).length)
      throw new Error(`Whose DO UPDATE is it in ${source.path}?\n${text}`);
    const writes = [...text.matchAll(SQL_WRITE)].map(([, inserted, deleted, updated]): Write => {
      if (inserted) return [inserted, 'insert'];
      return deleted ? [deleted, 'delete'] : [updated, 'update'];
    });
    return [...writes, ...upserts];
  });
}

/** `tx.repo(Share).update(…)`, `tx.repo(Share).createQueryBuilder().insert()`, and the like. */
function writesByOrm(source: Source, tables: Record<string, string>): Write[] {
  return nodesOf(source).flatMap((node) => {
    if (!ts.isCallExpression(node)) return [];
    const verb = METHODS.get(methodOf(node));
    if (!verb) return [];
    const entity = repoBelow(node)?.arguments[0].getText() ?? '';
    if (!(entity in tables)) throw new Error(`Which table does ${source.path} write?\n${node.getText()}`);
    return [[tables[entity], verb] satisfies Write];
  });
}

function nodesOf({ path, text }: Source): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return nodes;
}

const methodOf = ({ expression }: ts.CallExpression) =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : undefined;

/** The `tx.repo(Entity)` with which a chain of calls begins, or the variable with which it begins. */
function repoBelow(chain: ts.Expression): ts.CallExpression | undefined {
  let node = chain;
  while (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) {
    if (ts.isCallExpression(node) && methodOf(node) === 'repo') return node;
    node = node.expression;
  }
  const start = ts.isIdentifier(node) ? initializerOf(node) : undefined;
  return start && repoBelow(start);
}

/** What a variable of the blocks around its use begins with. */
function initializerOf(name: ts.Identifier): ts.Expression | undefined {
  for (let around: ts.Node = name.parent; around; around = around.parent) {
    if (!ts.isBlock(around)) continue;
    const lists = around.statements.filter(ts.isVariableStatement).map(({ declarationList }) => declarationList);
    const declared = lists.flatMap(({ declarations }) => [...declarations]);
    const found = declared.find((one) => one.name.getText() === name.text);
    if (found) return found.initializer;
  }
  return undefined;
}
