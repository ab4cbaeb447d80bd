import { Injectable } from '@nestjs/common';
import {
  type ListResourcesResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { checkAccess } from '../auth';
import { byThread, ThreadListService } from '../threads';
import { MessagesService } from '../messages';
import { toProblem } from './mcp.errors';
import type { Call } from './tool';

const LISTED_THREADS = 50;
const READ_MESSAGES = 100;
const THREAD_URI = /^throughline:\/\/threads\/([^/?#]+)$/;

const TEMPLATE = {
  name: 'thread',
  title: 'A conversation',
  uriTemplate: 'throughline://threads/{id}',
  description: `A thread by its id: its newest ${READ_MESSAGES} messages as chat messages, oldest first.`,
  mimeType: 'application/json',
};

/** Threads as resources, which a person picks and a client hands to the model. */
@Injectable()
export class ThreadResources {
  constructor(
    private readonly threads: ThreadListService,
    private readonly messages: MessagesService,
  ) {}

  readonly templates = { resourceTemplates: [TEMPLATE] };

  /** The caller's own threads, the last written to first; an admin's too, although others' can be read by their id. */
  list(call: Call): Promise<ListResourcesResult> {
    return answering(call, async () => {
      const { principal } = call;
      checkAccess('threads:read', principal.role);
      const { data } = await this.threads.list(principal, { user_id: principal.userId, limit: LISTED_THREADS });
      const resources = data.map(({ id, name, message_count, updated_at }) => ({
        uri: `throughline://threads/${id}`,
        name,
        description: `${message_count} messages`,
        mimeType: TEMPLATE.mimeType,
        annotations: { lastModified: updated_at },
      }));
      return { resources };
    });
  }

  read(call: Call, uri: string): Promise<ReadResourceResult> {
    return answering(
      call,
      async () => {
        checkAccess('messages:read', call.principal.role);
        const id = THREAD_URI.exec(uri)?.[1];
        if (id === undefined) throw new ResourceNotFoundError(uri);
        const history = await this.messages.history(call.principal, byThread(id), { limit: READ_MESSAGES });
        return { contents: [{ uri, mimeType: TEMPLATE.mimeType, text: JSON.stringify(history) }] };
      },
      uri,
    );
  }
}

/** A resource has no result that could hold an error: here it is one of the protocol. */
async function answering<T>(call: Call, work: () => Promise<T>, uri = ''): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const { code, status, message } = toProblem(error, call);
    if (status === 404) throw new ResourceNotFoundError(uri, `${code}: ${message}`);
    const kind = status >= 500 ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams;
    throw new ProtocolError(kind, `${code}: ${message}`, { code, status, request_id: call.requestId });
  }
}
