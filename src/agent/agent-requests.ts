import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { ContextService } from '../context';
import { MemoryService } from '../memory';
import type { ModelRequest } from '../models';
import type { AgentTurnLease } from '../sessions';
import { bySession } from '../threads';
import type { QuickQuery } from './agent.dto';

/** Facts that a model is told at most; more would crowd out the conversation. */
const MAX_FACTS = 100;

/** Messages of the conversation that it is sent (C27). */
const WINDOW = 20;

/** Makes of a turn what the model is asked: the last turns, what is remembered, and the state of the notebook (N08, C27). */
@Injectable()
export class AgentRequests {
  constructor(
    private readonly context: ContextService,
    private readonly memory: MemoryService,
  ) {}

  async of(
    principal: Principal,
    turn: AgentTurnLease,
    { query, context }: QuickQuery,
    signal?: AbortSignal,
  ): Promise<ModelRequest> {
    const { sessionId: session_id, variables } = turn;
    const facts = await this.memory.map(principal, { session_id, include_user: 'true', limit: MAX_FACTS });
    const { messages } = await this.context.of(principal, bySession(session_id), { window: WINDOW });
    // A turn that goes on after a failure may have something else after its question, also another question.
    const last = messages.at(-1);
    if (last?.role !== 'user' || last.content !== query) messages.push({ role: 'user', content: query, metadata: {} });
    return {
      system: notebookState(context),
      facts: facts.memories,
      variables,
      messages,
      signal,
      apiKey: context.api_key ?? undefined,
    };
  }
}

function notebookState({ cell_count, current_cell, last_error }: QuickQuery['context']): string | undefined {
  const parts = [
    cell_count ? `The notebook has ${cell_count} cells.` : '',
    current_cell ? `The current cell:\n${current_cell}` : '',
    last_error ? `The last error:\n${last_error}` : '',
  ];
  return parts.filter(Boolean).join('\n\n') || undefined;
}
