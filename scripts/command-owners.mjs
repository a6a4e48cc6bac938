// Which service owns which group of commands.
export const owners = {
  wallets: ['signer-service', 'create|list|derive-address|public-key|test|rotate|reconcile|disable|enable: KMS-held wallets'],
  audit: ['signer-service', 'export|checkpoint|public-key|verify: the sealed chain of what happened'],
  principals: ['signer-service', 'grant|revoke|list: who may ask for transactions, approve them or change the policy'],
  transactions: ['signer-service', 'cancel: stop one transaction, whoever asked for it'],
  policies: ['signer-service', 'set|show|explain: what may be signed, and why'],
  kms: ['signer-service', 'test|address: reach the KMS and prove a signature; the address of a key'],
  users: ['auth-gateway', 'show|grant|revoke|import: accounts and their roles'],
  keys: ['auth-gateway', 'rotate|list|check: the keys that sign access tokens'],
  stats: ['auth-gateway', 'sessions|wallets|failures: what the gateway sees'],
  notify: ['auth-gateway', 'users: a notice by mail to every account with a proved address'],
  factors: ['otp-service', 'show|reopen|reset|cancel-reset: the factors of a user, masked'],
  mailboxes: ['otp-service', 'reopen: an address that was locked after wrong codes'],
  challenges: ['otp-service', 'explain: the state of a challenge, never its code'],
  otp: ['otp-service', 'report|health|lockouts|explain|audit|cleanup: codes, for the daily, weekly and monthly look'],
  email: ['email-worker', 'verify|test|preview|failed|requeue|suppressions: the mail server, the look of mails, those that failed, addresses that get none']
}
export const everyService = ['auth-gateway', 'otp-service', 'signer-service', 'email-worker']
export const forEvery = {
  env: 'init|check|describe: the environment of every service (or --service NAME); check reads .env (or --file)',
  db: 'status|migrate|rollback|verify|indexes|profile: the databases of every service (or --service NAME)'
}
