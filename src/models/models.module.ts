import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { ChatModel } from './chat-model.service';
import { LocalModel } from './local-model.service';
import { OpenAiCompatibleModel } from './openai-compatible-model.service';

/** The one model of the server: MODEL_BASE_URL's, or the responder that needs none. */
@Module({
  providers: [
    {
      provide: ChatModel,
      inject: [CONFIG],
      useFactory: (config: Config): ChatModel =>
        config.env.MODEL_BASE_URL ? new OpenAiCompatibleModel(config) : new LocalModel(),
    },
  ],
  exports: [ChatModel],
})
export class ModelsModule {}
