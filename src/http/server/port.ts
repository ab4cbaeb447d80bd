import { once } from 'node:events';
import { createServer } from 'node:net';

/** @throws when the address cannot be listened on, with the variable to change */
export async function assertPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, host, port);
  }
  server.close();
  await once(server, 'close');
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `PORT ${port} of ${host} is in use: stop what uses it, or set PORT to another`,
    EACCES: `PORT ${port} needs more rights: set PORT to 1024 or more`,
    EADDRNOTAVAIL: `HOST ${host} is no address of this machine`,
    ENOTFOUND: `HOST ${host} cannot be resolved`,
  };
  const reason = reasons[error.code ?? ''];
  return reason ? new Error(reason, { cause: error }) : error;
}
