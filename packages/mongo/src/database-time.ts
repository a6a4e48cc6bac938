import type { Db } from 'mongodb'

/** The clock by which `$$NOW` is told, for rows that are inserted as they are. */
export const databaseTime = async (db: Db): Promise<Date> => (await db.command({ hello: 1 }))['localTime'] as Date
