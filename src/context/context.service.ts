import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { CONFIG, type Config } from '../config/config';
import { bySession } from '../database/visibility';
import type { ChatMessage } from '../messages/messages.dto';
import { MessagesService, toChatMessage } from '../messages/messages.service';
import { SessionsService } from '../sessions/sessions.service';
import { estimateTokens } from '../tokens/estimator';
import type { ContextQuery, ContextView } from './context.dto';
import { newestWithin } from './window';

const DEFAULT_WINDOW = 20;

/** Builds what a model needs to see of a session. Nothing stored changes by it. */
@Injectable()
export class ContextService {
  constructor(
    private readonly sessions: SessionsService,
    private readonly messages: MessagesService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * The session's system prompt and its newest messages within the budget. The cost is that of the window, however long
   * the session is.
   * @throws SESSION_NOT_FOUND
   */
  async ofSession(principal: Principal, id: string, query: ContextQuery = {}): Promise<ContextView> {
    const session = await this.sessions.get(principal, id);
    const { rows, total } = await this.messages.newest(principal, bySession(id), query.window ?? DEFAULT_WINDOW);
    const system = this.systemMessages(session.system_prompt);
    const systemTokens = system.reduce((sum, { tokens }) => sum + tokens, 0);
    const token_budget = query.token_budget ?? session.max_tokens;
    const kept = newestWithin(rows, (token_budget ?? Infinity) - systemTokens);
    return {
      session_id: id,
      messages: [...system.map(({ message }) => message), ...kept.map(toChatMessage)],
      token_count: kept.reduce((sum, row) => sum + row.token_count, systemTokens),
      token_budget,
      truncated: kept.length < rows.length,
      total,
    };
  }

  private systemMessages(prompt: string | null): { message: ChatMessage; tokens: number }[] {
    if (!prompt) return [];
    const message: ChatMessage = { role: 'system', content: prompt, metadata: {} };
    return [{ message, tokens: estimateTokens(prompt, this.config.env.TOKEN_ESTIMATOR) }];
  }
}
