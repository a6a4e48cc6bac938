import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { describeApi } from './describe-api.ts'
import { indexCommands } from './operators/index-commands.ts'
import { keyCommands } from './operators/key-commands.ts'
import { statsCommands } from './operators/stats-commands.ts'
import { userCommands } from './operators/user-commands.ts'
import { createWithMongo } from './operators/with-mongo.ts'

const withMongo = createWithMongo(process.env)

process.exitCode = await createCli({ name: 'countersign', description: 'auth-gateway: sign-in and sessions' })
  .add(
    ...environmentCommands({ title: 'auth-gateway', environment, env: process.env }),
    ...indexCommands(withMongo),
    ...userCommands(withMongo),
    ...keyCommands(withMongo),
    ...statsCommands(withMongo),
    {
      name: 'openapi',
      description: 'Print the OpenAPI document of the gateway',
      async run ({ line }) {
        line(JSON.stringify(await describeApi()))
      }
    }
  )
  .run(process.argv)
