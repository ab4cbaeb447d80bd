import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { BoundField, EnumField, IdField, IntField, TextField, UuidField } from '../http/request/fields';
import { PageView } from '../http/request/paging';
import { type MessageRole, MessageView, SessionMessage } from '../messages';

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const satisfies MessageRole[];

/** How a question is read. */
export const SEARCH_MODES = ['auto', 'fts', 'phrase', 'prefix', 'similar', 'any', 'semantic'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

const MAX_QUESTION_LENGTH = 1000;
const MAX_HITS = 100;
export const DEFAULT_HITS = 20;

const MODES =
  '`fts`: all words in any form, "a phrase", -without, or. `phrase`: the words next to each other. `prefix`: words that begin so. ' +
  '`similar`: words or near spellings of them that begin with the same two letters. `any`: one of the words. `semantic`: not ' +
  'offered, 400.';

class SearchQuery {
  @TextField({
    min: 1,
    max: MAX_QUESTION_LENGTH,
    required: true,
    description: 'What to look for, in the texts of messages, in the names and arguments of tool calls, and in names.',
    example: 'quiet hotel',
  })
  q!: string;

  @EnumField(SEARCH_MODES, {
    default: 'auto',
    description: `How the words are read. ${MODES} \`auto\`: fts, and if nothing is found, similar; across sessions then any.`,
  })
  mode?: SearchMode;

  @IntField({
    max: MAX_HITS,
    default: DEFAULT_HITS,
    description: 'Matches a page, the best first; 0 is an empty page.',
  })
  limit?: number;

  @TextField({
    min: 1,
    max: 2000,
    description:
      '`next_cursor` of the page before. What is stored meanwhile and would stand on earlier pages is not shown on later ones.',
  })
  after?: string;

  @IdField({ description: 'Only messages of this active session: of your own of this id, unless owner_id says whose.' })
  session_id?: string;

  @IdField({ description: 'Only messages in threads of this user, as far as you may see them.' })
  owner_id?: string;

  @EnumField(ROLES, { description: 'Only messages of this role.' })
  role?: MessageRole;

  @IdField({ description: 'Only messages of this sender.' })
  sender_id?: string;

  @BoundField({ description: 'Stored at this time or later.' })
  from?: string;

  @BoundField({ description: 'Stored before this time.' })
  to?: string;

  @TextField({
    min: 2,
    max: 8192,
    description: 'JSON object: only messages whose metadata hold all of it.',
    example: '{"topic":"travel"}',
  })
  metadata?: string;
}

export class SearchMessagesQuery extends SearchQuery {
  @UuidField({ description: 'Only messages of this thread.' })
  thread_id?: string;
}

export class SearchSessionsQuery extends SearchQuery {
  @IntField({ max: MAX_HITS, description: 'The same as limit.' })
  top_k?: number;
}

/** Where a message was found, and how well it matches. */
export class Found {
  @ApiProperty({ description: 'The owner of its thread: yourself, or who shares it with you.' })
  user_id!: string;

  @ApiProperty({ type: String, nullable: true, description: 'The active session of its thread, if there is one.' })
  session_id!: string | null;

  @ApiProperty()
  thread_name!: string;

  @ApiProperty({ description: 'Higher is better; to compare within one answer only.' })
  score!: number;

  @ApiProperty({
    description: 'Where it matches, hits in `<mark>`; everything else is escaped, so that it is safe as HTML.',
    example: 'a quiet <mark>hotel</mark> in Tokyo',
  })
  snippet!: string;
}

/** A message that was found. */
export class FoundMessage extends IntersectionType(MessageView, Found) {}

/** The same in the form that a model takes. */
export class FoundSessionMessage extends IntersectionType(SessionMessage, Found) {}

const BEST_FIRST = 'The best first; of equals the later one.';

export class FoundMessages extends PageView {
  @ApiProperty({ type: [FoundMessage], description: BEST_FIRST })
  data!: FoundMessage[];
}

export class FoundSessionMessages extends PageView {
  @ApiProperty({ type: [FoundSessionMessage], description: BEST_FIRST })
  data!: FoundSessionMessage[];
}

export class SetSearchLanguage {
  @TextField({
    min: 1,
    max: 63,
    required: true,
    description:
      'Name of a text search configuration of the database, such as german; simple: words as they are. It counts for ' +
      'messages stored or edited from now on; questions are read in this language and in those before.',
    example: 'german',
  })
  language!: string;
}

export class SearchLanguageView {
  @ApiProperty({ description: 'Of new messages.', example: 'english' })
  language!: string;

  @ApiProperty({ type: [String], description: 'Questions are read in each of these; the newest first.' })
  languages!: string[];

  @ApiProperty({ type: [String], description: 'What there is.' })
  available!: string[];
}
