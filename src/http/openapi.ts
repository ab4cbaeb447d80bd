import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { describeApi } from './openapi-description';
import { addProblems } from './openapi-problems';
import { VERSION } from './version';

/** The API as an OpenAPI document: the same for every installation, so it names no host. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setOpenAPIVersion('3.0.3')
    .setTitle('Throughline')
    .setDescription(describeApi())
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'An API key (`tl_…`) or a JSON Web Token.' },
      'bearer',
    )
    .build();
  return addProblems(SwaggerModule.createDocument(app, settings));
}

/** The reference for people at `/api/docs`, for programs at `/api/docs-json`; both without credentials. */
export function serveReference(app: INestApplication): void {
  let document: OpenAPIObject | undefined;
  // Built when first asked for: it costs more than the rest of the start.
  SwaggerModule.setup('api/docs', app, () => (document ??= buildOpenApi(app)), {
    jsonDocumentUrl: 'api/docs-json',
    raw: ['json'],
    customSiteTitle: 'Throughline API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true },
  });
}
