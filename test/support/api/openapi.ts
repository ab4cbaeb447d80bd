import type { OpenAPIV3 as V3 } from 'openapi-types';
import type { Client } from '../world/client';

type Schema = V3.SchemaObject;

/** One route of the API reference, its references resolved. */
export interface Operation {
  readonly method: string;
  /** With the prefix, as in `/api/threads/{id}`. */
  readonly path: string;
  readonly pathParams: string[];
  readonly query: { name: string; schema: Schema }[];
  readonly body?: Schema;
  /** Whether it asks for credentials. */
  readonly secured: boolean;
}

/** Every operation of the server's own OpenAPI document. */
export async function readOperations(client: Client): Promise<Operation[]> {
  const { status, body: document, text } = await client.get<V3.Document>('/docs-json');
  if (status !== 200) throw new Error(`GET /api/docs-json: ${status} ${text}`);
  const resolve = resolver(document);
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.values(['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method) => {
      const operation = item?.[method];
      return operation ? [toOperation(method, path, operation, resolve)] : [];
    }),
  );
}

type Resolve = <T>(value: T | V3.ReferenceObject) => T;

function toOperation(method: string, path: string, operation: V3.OperationObject, resolve: Resolve): Operation {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(parameter));
  const body = operation.requestBody && resolve(operation.requestBody).content['application/json']?.schema;
  return {
    method: method.toUpperCase(),
    path,
    pathParams: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    query: parameters
      .filter((parameter) => parameter.in === 'query')
      .map(({ name, schema }) => ({ name, schema: resolve<Schema>(schema ?? {}) })),
    body: body && resolve(body),
    secured: (operation.security ?? []).length > 0,
  };
}

/** Resolves `$ref` everywhere below a value, a few levels deep: schemas may refer to themselves. */
function resolver(document: V3.Document): Resolve {
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value !== 'object' || value === null || depth > 12) return value;
    if (Array.isArray(value)) return value.map((item) => walk(item, depth + 1));
    if ('$ref' in value) return walk(lookUp(document, String(value.$ref)), depth + 1);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, depth + 1)]));
  };
  return (value) => walk(value, 0) as never;
}

/** What a `$ref` of the document leads to; undefined if there is nothing. */
export function lookUp(document: unknown, reference: string): unknown {
  const path = reference.replace(/^#\//, '').split('/');
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

/** The names of every field that a body may have, whichever of its forms it takes. */
export function fieldsOf(schema: Schema = {}): string[] {
  const forms = [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])] as Schema[];
  return [...Object.keys(schema.properties ?? {}), ...forms.flatMap((form) => fieldsOf(form))];
}

/** A value that the schema allows: its example or default, else the smallest. Objects get their required fields. */
export function sampleOf(schema: Schema = {}): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return sampleOf(choice[0] as Schema);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => sampleOf(part as Schema)));
  if (schema.type === 'array') return [sampleOf(schema.items as Schema)];
  if (schema.type === 'object' || schema.properties) return sampleObject(schema);
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1;
  if (schema.type === 'boolean') return true;
  return schema.format === 'uuid' ? '019a0000-0000-7000-8000-000000000001' : 'text';
}

function sampleObject({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  return Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] as Schema)]));
}
