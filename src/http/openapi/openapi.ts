import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { describeApi, describeErrors, TAGS } from './openapi-description';
import { METHODS, shareParameters } from './openapi-components';
import { addProblems } from './openapi-problems';
import { VERSION } from '../server/version';

/** The API as an OpenAPI document: the same for every installation, so it names no host. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.0.3')
    .setTitle('Throughline')
    .setDescription(describeApi())
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'An API key (`tl_…`) or a JSON Web Token.' },
      'bearer',
    );
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const settings = builder.addTag('errors', describeErrors()).build();
  return shareParameters(addProblems(addPathParameters(SwaggerModule.createDocument(app, settings))));
}

/** Declares the ids in every path: our own parameter decorators are unknown to Nest's reference. */
function addPathParameters(document: OpenAPIObject): OpenAPIObject {
  for (const [path, item] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) operation.parameters = withPathParameters(operation.parameters ?? [], names);
    }
  }
  return document;
}

type Parameters = NonNullable<NonNullable<OpenAPIObject['paths'][string]['get']>['parameters']>;

function withPathParameters(declared: Parameters, names: string[]): Parameters {
  const known = declared.map((parameter) => ('name' in parameter ? parameter.name : ''));
  const missing = names.filter((name) => !known.includes(name));
  const schema = { type: 'string', minLength: 1, maxLength: 255 };
  return [...missing.map((name) => ({ name, in: 'path' as const, required: true, schema })), ...declared];
}
