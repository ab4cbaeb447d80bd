export { ChatModel, type ModelAnswer, type ModelMessage, type ModelRequest } from './chat-model.service';
export { ModelsModule } from './models.module';
