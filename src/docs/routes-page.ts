import { type INestApplication, RequestMethod, type Type } from '@nestjs/common';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ACCESS, PUBLIC } from '../auth';
import { code, GENERATED, linkTo, type SourceFiles, table } from './text';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly access: string;
  readonly does: string;
  readonly handler: string;
  readonly file: string;
}

const INTRODUCTION = `
# Routes

From a URL to its code: each route with the permission that it asks for and the method that answers it. The reference at \`/api/docs\` has
every parameter and answer. [access.ts](../src/auth/access.ts) says which roles have which permission.
`;

/** The text of `docs/routes.md`. @param app may be a preview: only its controllers are looked at */
export function routesPage(app: INestApplication, files: SourceFiles): string {
  const parts = [...inSections(routesOf(app, files))].map(([title, routes]) => {
    const rows = routes.map(({ method, path, access, does, handler, file }) => [
      code(`${method} ${path}`),
      access,
      does,
      linkTo(file, code(handler)),
    ]);
    return `## ${title}\n\n${table(['route', 'permission', 'does', 'handler'], rows)}\n`;
  });
  return [`${GENERATED}\n\n${INTRODUCTION.trim()}\n`, ...parts].join('\n');
}

/** By what they are about: the first word after the prefix. */
function inSections(routes: Route[]): Map<string, Route[]> {
  const sections = new Map<string, Route[]>();
  for (const route of routes) {
    const title = route.path.split('/').slice(0, 3).join('/');
    sections.set(title, [...(sections.get(title) ?? []), route]);
  }
  return sections;
}

function routesOf(app: INestApplication, files: SourceFiles): Route[] {
  const pathOf = pathsOf(app.get(ApplicationConfig));
  return [...app.get(ModulesContainer).values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) => routesOfController(metatype as Type, pathOf, files))
    .sort((a, b) => (a.path === b.path ? compare(a.method, b.method) : compare(a.path, b.path)));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

type PathOf = (method: RequestMethod, parts: string[]) => string;

/** Puts the prefix in front of the paths that are not excluded from it, and writes parameters as the reference does. */
function pathsOf(config: ApplicationConfig): PathOf {
  const excluded = config.getGlobalPrefixOptions().exclude ?? [];
  return (method, parts) => {
    const path = `/${parts.join('/')}`;
    const bare = excluded.some(
      ({ pathRegex, requestMethod }) => pathRegex.test(path) && [RequestMethod.ALL, method].includes(requestMethod),
    );
    return `${bare ? '' : `/${config.getGlobalPrefix()}`}${path}`.replaceAll(/:(\w+)/g, '{$1}');
  };
}

function routesOfController(controller: Type, pathOf: PathOf, files: SourceFiles): Route[] {
  const prototype = controller.prototype as Record<string, object>;
  return new MetadataScanner()
    .getAllMethodNames(prototype)
    .filter((name) => Reflect.hasMetadata('method', prototype[name]))
    .flatMap((name) => {
      const handler = prototype[name];
      const read = <T>(key: unknown) => Reflect.getMetadata(key, handler) as T | undefined;
      const method = read<RequestMethod>('method')!;
      const base = Reflect.getMetadata('path', controller) as string;
      const owner = ownerOf(prototype, name);
      return [read<string | string[]>('path')!].flat().map((path) => ({
        method: RequestMethod[method],
        path: pathOf(method, [...base.split('/'), ...path.split('/')].filter(Boolean)),
        access: read<string>(ACCESS) ?? (read(PUBLIC) || Reflect.getMetadata(PUBLIC, controller) ? 'public' : ''),
        does: read<{ summary?: string }>('swagger/apiOperation')?.summary ?? '',
        handler: `${owner}.${name}`,
        file: files.having(new RegExp(`\\bclass ${owner}\\b`)),
      }));
    });
}

/** The class that declares the method, which may be one that the controller extends. */
function ownerOf(prototype: object, name: string): string {
  let owner = prototype;
  while (!Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object;
  return owner.constructor.name;
}
