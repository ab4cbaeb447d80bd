/**
 * Row-level security for a tenant table, forced: the owner of the schema is bound by it too; an unset organization
 * sees nothing.
 * @param column the one that holds the organization
 */
export const policies = (table: string, column = 'org_id') => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ${table} TO throughline_app
  USING (${column} = current_setting('app.org_id', true))
  WITH CHECK (${column} = current_setting('app.org_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO throughline_app;
`;
