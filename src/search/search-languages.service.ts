import { Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../organizations';
import { TenantDatabase } from '../database/door/tenant-database';
import type { SearchLanguageView, SetSearchLanguage } from './search.dto';
import { searchErrors } from './search.errors';
import { type Languages, SearchLanguagesRepository } from './search-languages.repository';

/** What stems words where nobody has said anything. */
const DEFAULT_LANGUAGE = 'english';

/** The language in which an organization's messages are indexed. */
@Injectable()
export class SearchLanguagesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly languages: SearchLanguagesRepository,
    private readonly organizations: OrganizationsService,
  ) {}

  async get(principal: Principal): Promise<SearchLanguageView> {
    return toView(await this.db.readOne(principal, (tx) => this.languages.find(tx)));
  }

  /**
   * Counts for messages stored or edited from now on; questions are read in the new language and in those before, so that
   * nothing has to be indexed again.
   * @throws SEARCH_LANGUAGE_UNKNOWN
   */
  async set(principal: Principal, { language }: SetSearchLanguage): Promise<SearchLanguageView> {
    return this.db.run(principal, async (tx) => {
      await this.organizations.ensureOrganization(tx);
      const { used, available } = await this.languages.lock(tx);
      if (!available.includes(language)) throw searchErrors.SEARCH_LANGUAGE_UNKNOWN(language);
      const before = used.length > 0 ? used : [DEFAULT_LANGUAGE];
      const languages = [language, ...before.filter((other) => other !== language)];
      await this.languages.update(tx, languages);
      return toView({ used: languages, available });
    });
  }
}

function toView({ used, available }: Languages): SearchLanguageView {
  const languages = used.length > 0 ? used : [DEFAULT_LANGUAGE];
  return { language: languages[0], languages, available };
}
