import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Parameter = NonNullable<Operation['parameters']>[number];

export const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

const operationsOf = (document: OpenAPIObject): Operation[] =>
  Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []));

/** Puts each parameter that several operations take alike in one place, which they refer to. */
export function shareParameters(document: OpenAPIObject): OpenAPIObject {
  const operations = operationsOf(document);
  const shared = mostUsed(operations.flatMap(({ parameters = [] }) => parameters));
  for (const operation of operations) {
    operation.parameters = operation.parameters?.map((parameter) => {
      const name = nameOf(parameter);
      const isShared = shared.get(name) === JSON.stringify(parameter);
      return isShared ? { $ref: `#/components/parameters/${name}` } : parameter;
    });
  }
  const parameters = Object.fromEntries([...shared].map(([name, text]) => [name, JSON.parse(text) as never]));
  return { ...document, components: { ...document.components, parameters } };
}

/** By name, the form that most operations use, if several do. */
function mostUsed(parameters: Parameter[]): Map<string, string> {
  const uses = new Map<string, number>();
  for (const text of parameters.map((parameter) => JSON.stringify(parameter)))
    uses.set(text, (uses.get(text) ?? 0) + 1);
  const byUse = [...uses].filter(([, count]) => count > 1).sort(([, a], [, b]) => a - b);
  return new Map(byUse.map(([text]) => [nameOf(JSON.parse(text) as Parameter), text]));
}

/** Such as `QueryAfter` or `HeaderIdempotencyKey`. */
function nameOf(parameter: Parameter): string {
  if ('$ref' in parameter) return '';
  const words = `${parameter.in}-${parameter.name}`.split(/[^A-Za-z0-9]+/);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
