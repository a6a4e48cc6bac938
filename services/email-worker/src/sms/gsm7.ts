/** 3GPP TS 23.038 §6.2.1: the alphabet that a text message carries in seven bits. */
const basic = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà')
/** These take two places. */
const extended = new Set('^{}\\[~]|€')

const placesOfOneMessage = 160

/** Whether it goes as one message, and not as several that are paid for one by one. */
export function fitsOneSms (text: string): boolean {
  let places = 0
  for (const character of text) {
    if (!basic.has(character) && !extended.has(character)) return false
    places += extended.has(character) ? 2 : 1
  }
  return places <= placesOfOneMessage
}
