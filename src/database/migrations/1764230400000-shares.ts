import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Shares that have expired are found by the cleanup, which learns their organization and nothing else of them. */
export class Shares1764230400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX shares_expires_at_idx ON shares (expires_at) WHERE expires_at IS NOT NULL;
      CREATE POLICY expired ON shares FOR SELECT TO throughline_system USING (expires_at < now());
      GRANT SELECT (org_id, expires_at) ON shares TO throughline_system;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      REVOKE SELECT (org_id, expires_at) ON shares FROM throughline_system;
      DROP POLICY expired ON shares;
      DROP INDEX shares_expires_at_idx;
    `);
  }
}
