import { Module } from '@nestjs/common';
import { MessagesModule } from '../messages';
import { SessionsModule } from '../sessions';
import { StateSavingService } from './state-saving.service';
import { StateController } from './state.controller';
import { StateService } from './state.service';

/** Whole-state documents. */
@Module({
  imports: [SessionsModule, MessagesModule],
  controllers: [StateController],
  providers: [StateService, StateSavingService],
})
export class StateModule {}
