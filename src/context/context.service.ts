import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../organizations';
import { CONFIG, type Config } from '../config/config';
import type { SharedSession, Target } from '../threads';
import type { ChatMessage } from '../messages';
import { assemble, type Assembled } from './choose/assembly';
import { ContextExtras } from './read/context-extras.service';
import { ContextReader, type Conversation } from './read/context-reader.service';
import { ContextRetrieval } from './read/context-retrieval.service';
import { type ContextFormat, toFormat } from './formats';
import type { ContextRequest, ContextView, ContextWarning } from './context.dto';
import { type Plan, toPlan } from './choose/plan';
import { tokensOf } from './choose/units';

/** What a caller inside the server gets: messages, always. */
type Context = ContextView & { messages: ChatMessage[] };

/** Builds what a model is to be sent next. Nothing stored changes by it. */
@Injectable()
export class ContextService {
  private readonly logger = new Logger('Context');

  constructor(
    private readonly reader: ContextReader,
    private readonly extras: ContextExtras,
    private readonly retrieval: ContextRetrieval,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * A session of somebody else's is read as its thread: what is remembered for the owner's session is not the caller's (C48).
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, TOKEN_BUDGET_EXCEEDED, VALIDATION_FAILED
   */
  async of(principal: Principal, target: Target | SharedSession, request: ContextRequest = {}): Promise<Context> {
    const context = await this.build(principal, target, request);
    return target.by === 'thread' ? context : { session_id: target.id, ...context };
  }

  private async build(principal: Principal, named: Target | SharedSession, request: ContextRequest): Promise<Context> {
    const { TOKEN_ESTIMATOR, CONTEXT_MAX_MESSAGES, CONTEXT_WARNING_MESSAGES } = this.config.env;
    const plan = toPlan(request, TOKEN_ESTIMATOR);
    const conversation = await this.reader.read(principal, named, plan, CONTEXT_MAX_MESSAGES);
    const { target } = conversation;
    // An admin sees the threads of others; what is remembered of the admin has no place in them.
    const isOwn = conversation.userId === principal.userId;
    const [facts, summaries, found] = await Promise.all([
      plan.facts && isOwn ? this.extras.facts(principal, target) : {},
      conversation.hasSummaries ? this.extras.summaries(principal, conversation.threadId) : [],
      this.retrieval.find(principal, target, plan, conversation),
    ]);
    const budget = conversation.budget > 0 ? conversation.budget - plan.reserve : Infinity;
    const assembled = await assemble({ ...conversation, ...found, budget, facts, summaries }, plan, (messages) =>
      this.extras.summarize(messages).catch((error: unknown) => {
        this.logger.warn({ msg: 'No summary for a context', thread_id: conversation.threadId, cause: String(error) });
        return '';
      }),
    );
    const isLarge = plan.unbounded && conversation.total > CONTEXT_WARNING_MESSAGES;
    return toView(plan, conversation, assembled, isLarge);
  }
}

/** The same in the form of a provider or library. */
export function inFormat({ messages, ...context }: Context, format: ContextFormat = 'chat'): ContextView {
  return format === 'chat' ? { messages, ...context } : { ...context, formatted: toFormat(format, messages) };
}

function toView(plan: Plan, conversation: Conversation, assembled: Assembled, isLarge: boolean): Context {
  const { total, budget, limited, full, threadId } = conversation;
  const { sections, decisions } = assembled;
  const pieces = sections.flatMap((section) => section.pieces);
  const more: ContextWarning[] = [
    ...(isLarge ? ['large_conversation' as const] : []),
    ...(limited && budget > 0 ? ['message_limit' as const] : []),
  ];
  return {
    thread_id: threadId,
    messages: pieces.map(({ message }) => message),
    token_count: pieces.length > 0 ? plan.counter.base + tokensOf(pieces) : 0,
    token_budget: budget > 0 ? budget : null,
    truncated: assembled.truncated || limited || full,
    warnings: [...more, ...assembled.warnings],
    sections: sections.map((section) => ({
      name: section.name,
      message_count: section.pieces.length,
      token_count: tokensOf(section.pieces),
    })),
    ...(plan.explain ? { explanation: decisions } : {}),
    total,
  };
}
