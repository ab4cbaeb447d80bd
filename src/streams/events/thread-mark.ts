/**
 * What the ids of a stream's events say of their thread: a session's id may belong to another one by the time a client
 * comes back, and numbers of the old one mean nothing there. These digits are random in every id of ours.
 */
export const threadMark = (threadId: string) => threadId.slice(-12);
