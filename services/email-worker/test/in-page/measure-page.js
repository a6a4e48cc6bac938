// Runs inside of the page and leans on nothing outside of itself. Its value is what `Measured` says.
(() => {
  const ours = ['BODY', 'DIV', 'H1', 'P', 'PRE', 'A', 'SPAN']
  const colourOf = (css) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number)
    return [red, green, blue, alpha]
  }
  /** The first ground that is not see-through. */
  const groundOf = (element) => {
    if (element === null) return [255, 255, 255, 1]
    const colour = colourOf(getComputedStyle(element).backgroundColor)
    return colour[3] === 1 ? colour : groundOf(element.parentElement)
  }
  /** WCAG 2.2, "relative luminance". */
  const luminance = ([red, green, blue]) => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) => value / 255).map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (one, other) => {
    const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }
  const hex = ([red, green, blue]) => `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`

  const texts = []
  const beyond = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const words = node.textContent?.trim() ?? ''
    const element = node.parentElement
    if (words === '' || element === null) continue
    const { color, fontSize, opacity, visibility } = getComputedStyle(element)
    const shown = visibility === 'visible' && opacity === '1'
    texts.push({ words: words.slice(0, 60), fontSize: parseFloat(fontSize), contrast: shown ? contrast(colourOf(color), groundOf(element)) : 0 })
    const range = document.createRange()
    range.selectNodeContents(node)
    if ([...range.getClientRects()].some(({ left, right }) => left < 0 || right > window.innerWidth)) beyond.push(words.slice(0, 60))
  }

  const digits = document.querySelector('.code')
  const lines = (element) => {
    const range = document.createRange()
    range.selectNodeContents(element)
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size
  }
  const visible = (element) => {
    const { left, right, width, height } = element.getBoundingClientRect()
    return width > 0 && height > 0 && left >= 0 && right <= window.innerWidth && element.scrollWidth <= element.clientWidth
  }
  return {
    scrollWidth: document.documentElement.scrollWidth,
    background: hex(colourOf(getComputedStyle(document.body).backgroundColor)),
    text: document.body.innerText,
    texts,
    beyond,
    targets: [...document.querySelectorAll('a, button')].map((element) => {
      const { width, height } = element.getBoundingClientRect()
      return { words: element.textContent ?? '', width, height }
    }),
    code: digits === null ? undefined : { text: digits.textContent ?? '', lines: lines(digits), visible: visible(digits) },
    images: [...document.images].map(({ complete, naturalWidth, clientWidth }) => ({ complete: complete && naturalWidth > 0, width: clientWidth })),
    foreign: [document.body, ...document.body.querySelectorAll('*')].map(({ tagName }) => tagName).filter((name) => !ours.includes(name))
  }
})()
