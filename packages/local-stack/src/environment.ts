/** The complete environment of each service on this stack. */
import type { ServiceName } from '@countersign/contracts'
import type { StackSecrets } from './stack-secrets.ts'

export interface Whereabouts {
  readonly secrets: StackSecrets
  readonly mongoUri: (service: ServiceName) => string
  readonly redisUrl: (service: ServiceName) => string
  readonly rpcUrl: string
  readonly kmsEndpoint: string
  readonly smtp: { readonly host: string, readonly port: number }
  /** Undefined: no text messages. */
  readonly sms: { readonly apiUrl: string, readonly account: string, readonly token: string } | undefined
  /** Port of the gateway, known before it starts: it is the domain of the messages that wallets sign. */
  readonly gatewayPort: number
  readonly compatibilityPorts: readonly number[]
}

export type ServiceEnvironment = Readonly<Record<string, string>>

export function environmentOf (service: ServiceName, where: Whereabouts): ServiceEnvironment {
  const { secrets } = where
  return {
    NODE_ENV: 'development',
    ENVIRONMENT: 'local',
    OPS_HOST: '127.0.0.1',
    MONGODB_URI: where.mongoUri(service),
    REDIS_URL: where.redisUrl(service),
    SECRET_KEY: secrets.secretKeys[service],
    ...ofItsOwn(service, where)
  }
}

const receiptKeys = ({ receiptKey }: StackSecrets): string => JSON.stringify({ keys: [receiptKey.publicJwk] })

/** Whose wallets are taken, to sign in and to confirm. */
const chains = (rpcUrl: string) => ({ EVM_CHAIN_IDS: '31337', EVM_RPC_URLS: JSON.stringify({ 31337: rpcUrl }) })

function ofItsOwn (service: ServiceName, { secrets, rpcUrl, kmsEndpoint, smtp, sms, gatewayPort, compatibilityPorts }: Whereabouts): ServiceEnvironment {
  switch (service) {
    case 'auth-gateway': return {
      HOST: '127.0.0.1',
      PORT: String(gatewayPort),
      ...(compatibilityPorts.length === 0 ? {} : { COMPATIBILITY_PORTS: compatibilityPorts.join(',') }),
      PUBLIC_URL: `http://127.0.0.1:${gatewayPort}`,
      ...chains(rpcUrl),
      ACCESS_TOKEN_PRIVATE_JWK: JSON.stringify(secrets.accessTokenKey.privateJwk),
      RECEIPT_PUBLIC_JWKS: receiptKeys(secrets),
      MAIL_SEAL_KEY: secrets.mailSealKeys.gateway
    }
    case 'otp-service': return {
      ...chains(rpcUrl),
      PUBLIC_URL: `http://127.0.0.1:${gatewayPort}`,
      RECEIPT_PRIVATE_JWK: JSON.stringify(secrets.receiptKey.privateJwk),
      FRONTEND_URL: `http://127.0.0.1:${gatewayPort}`,
      MAIL_SEAL_KEY: secrets.mailSealKeys.otp,
      ...sms !== undefined && { SMS_COUNTRIES: 'AT,CH,DE,FR,GB,US' }
    }
    case 'signer-service': return {
      RECEIPT_PUBLIC_JWKS: receiptKeys(secrets),
      MAIL_SEAL_KEY: secrets.mailSealKeys.signer,
      DEPLOYMENT_ID: secrets.deploymentId,
      OPERATOR_EMAIL: 'operator@example.com',
      CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [rpcUrl], confirmations: 2, block_time_ms: 1000 }]),
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: kmsEndpoint,
      AUDIT_KMS_KEY_ID: 'audit-key-id',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'not-checked-by-the-emulator',
      // The lockfile decides which SDK runs; its advice about a later one is no news at every start.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true'
    }
    case 'email-worker': return {
      SMTP_HOST: smtp.host,
      SMTP_PORT: String(smtp.port),
      MAIL_FROM: 'countersign@example.com',
      MAIL_SEAL_KEY_OTP: secrets.mailSealKeys.otp,
      MAIL_SEAL_KEY_GATEWAY: secrets.mailSealKeys.gateway,
      MAIL_SEAL_KEY_SIGNER: secrets.mailSealKeys.signer,
      ...sms !== undefined && { SMS_PROVIDER_URL: sms.apiUrl, SMS_PROVIDER_ACCOUNT: sms.account, SMS_PROVIDER_TOKEN: sms.token, SMS_FROM: 'Countersign' }
    }
  }
}
