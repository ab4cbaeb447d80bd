import { RequestMethod } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ACCESS, allows, type Permission, PUBLIC } from '../../src/auth/access';
import { ROLES } from '../../src/organizations/principal';
import { type Operation, readOperations } from '../support/api/openapi';
import { startTestApp, type TestApp } from '../support/world/app';

/** What may be asked without credentials. A new entry here is a decision about security. */
const PUBLIC_ROUTES = [/^GET \/$/, /^GET \/health(\/(live|ready))?$/];

interface Route {
  readonly name: string;
  readonly access: Permission | undefined;
  readonly open: boolean;
}

type Type = abstract new (...values: never[]) => unknown;

function routesOf(controller: Type): Route[] {
  const { prototype } = controller as { prototype: Record<string, unknown> };
  const base = Reflect.getMetadata('path', controller) as string | undefined;
  return Object.getOwnPropertyNames(prototype)
    .map((name) => prototype[name])
    .filter(
      (handler): handler is () => unknown => typeof handler === 'function' && Reflect.hasMetadata('method', handler),
    )
    .map((handler) => {
      const method = RequestMethod[Reflect.getMetadata('method', handler) as number];
      const path = [base, Reflect.getMetadata('path', handler)].flat().filter((part) => part && part !== '/');
      const open = Reflect.getMetadata(PUBLIC, handler) ?? Reflect.getMetadata(PUBLIC, controller) ?? false;
      return { name: `${method} /${path.join('/')}`, access: Reflect.getMetadata(ACCESS, handler), open };
    });
}

describe('Routes', () => {
  let app: TestApp;
  let routes: Route[];
  let operations: Operation[];

  beforeAll(async () => {
    app = await startTestApp();
    const modules = [...app.app.get(ModulesContainer).values()];
    const controllers = modules.flatMap((module) => [...module.controllers.values()]);
    routes = controllers.flatMap(({ metatype }) => routesOf(metatype as unknown as Type));
    operations = await readOperations(app.anonymous());
  });

  afterAll(() => app.close());

  it('each declare either the access that they need, or that they are public', () => {
    expect(routes.length).toBeGreaterThan(20);
    const wrong = routes.filter(({ access, open }) => (access !== undefined) === Boolean(open));
    expect(wrong).toEqual([]);
  });

  it('are public only where that was decided', () => {
    const open = routes.filter((route) => route.open).map((route) => route.name);
    expect(open.filter((name) => !PUBLIC_ROUTES.some((allowed) => allowed.test(name)))).toEqual([]);
  });

  it('need a permission that at least one role has', () => {
    const declared = routes.flatMap(({ access }) => access ?? []);
    expect(declared.filter((permission) => !ROLES.some((role) => allows(permission, role)))).toEqual([]);
  });

  it('X11 all stand in the API reference, the secured ones with their scheme', () => {
    const documented = new Map(operations.map((operation) => [nameOf(operation), operation]));
    // MCP describes itself, in its own protocol; the root is a page about the server.
    const apart = ['metrics', ' /mcp', 'GET /'];
    const expected = routes.filter(({ name }) => !apart.some((end) => name.endsWith(end)));
    expect(expected.filter(({ name }) => !documented.has(name)).map(({ name }) => name)).toEqual([]);
    const unmarked = expected.filter(({ name, open }) => documented.get(name)?.secured === open);
    expect(unmarked.map(({ name }) => name)).toEqual([]);
  });
});

const nameOf = ({ method, path }: Operation) =>
  `${method} ${path.replace(/^\/api/, '').replaceAll(/\{(\w+)\}/g, ':$1')}`;
