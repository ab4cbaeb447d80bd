import type { Tool as ToolDefinition, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Permission } from '../auth';
import type { Principal } from '../organizations';
import { commonErrors, type FieldError } from '../common/errors';
import { isPlainId } from '../common/ids';

/** One request of a client. */
export interface Call {
  readonly principal: Principal;
  /** Under which the log has what went wrong. */
  readonly requestId: string;
}

/** A tool that a model may call. */
export interface Tool {
  readonly definition: ToolDefinition;
  /** What the caller's role must include, as on the routes that do the same. */
  readonly permissions: readonly Permission[];
  /** @throws VALIDATION_FAILED, and what the service throws */
  run(principal: Principal, input: unknown): Promise<object>;
}

interface Description<Input extends z.ZodType> {
  name: string;
  title: string;
  description: string;
  input: Input;
  annotations: Pick<ToolAnnotations, 'readOnlyHint' | 'destructiveHint' | 'idempotentHint'>;
  permissions: readonly Permission[];
}

/** Makes a tool of its description and of the service call that it stands for. */
export function defineTool<Input extends z.ZodType>(
  { name, title, description, input, annotations, permissions }: Description<Input>,
  run: (principal: Principal, input: z.output<Input>) => Promise<object>,
): Tool {
  const inputSchema = z.toJSONSchema(input, { io: 'input' }) as ToolDefinition['inputSchema'];
  return {
    definition: {
      name,
      title,
      description,
      inputSchema,
      // Nothing outside of this server is touched.
      annotations: { title, ...annotations, openWorldHint: false },
    },
    permissions,
    run: async (principal, value) => {
      const { success, data, error } = input.safeParse(value);
      if (!success)
        throw commonErrors.VALIDATION_FAILED().with({ errors: error.issues.slice(0, 100).map(toFieldError) });
      return run(principal, data);
    },
  };
}

const toFieldError = ({ path, message }: z.core.$ZodIssue): FieldError => ({
  field: path.join('.') || 'arguments',
  message,
});

/** A field that holds an id, or anything else of which the same is asked. */
export const idField = (description: string) =>
  z
    .string()
    .min(1)
    .max(255)
    .refine(isPlainId, 'must have 1 to 255 characters and no control characters')
    .describe(description);

const MEMORY_SCOPE =
  'Only for memories of one session: the id of that session. Leave it out for what holds for the user everywhere.';

/** The session whose memory is meant. */
export const sessionScope = idField(MEMORY_SCOPE).optional();
