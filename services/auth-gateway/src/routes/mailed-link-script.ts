/** What runs on the pages of mailed links, as a file of this origin: the pages allow no other script. */
export const mailedLinkScript = `'use strict'
const token = new URLSearchParams(location.hash.slice(1)).get('token')
// Out of the address bar and the history.
history.replaceState(null, '', location.pathname)
const outcome = document.getElementById('outcome')
const say = (text) => { outcome.textContent = text }

const post = async (path, body) => {
  const response = await fetch(path, {
    method: 'POST', credentials: 'same-origin', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body)
  })
  const answer = await response.json()
  if (response.ok) return answer
  throw new Error(answer.faults ? answer.faults.map((fault) => fault.message).join(', ') : answer.detail || answer.title)
}

const onSubmit = (id, work) => {
  const form = document.getElementById(id)
  if (form === null) return
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    say('')
    work().then((text) => { form.hidden = true; say(text) }, (error) => { button.disabled = false; say(error.message) })
  })
}

if (token === null) say('Open the link from the mail again: its token is missing here.')

onSubmit('verify', async () => {
  const { account } = await post('/api/v1/auth/email/verify', { token })
  return account === 'kept' ? 'The address is confirmed. You can close this page.' : 'The address has an account of its own now. Sign in with a mailed code, or set a password.'
})

onSubmit('object', async () => {
  const { removed } = await post('/api/v1/auth/factor-objection', { token })
  return removed ? 'The factor is taken away. Sign in now, close the sessions that you do not know and change your password.' : 'The factor was gone already.'
})

onSubmit('reset', async () => {
  await post('/api/v1/auth/password-reset/confirm', { token, new_password: document.getElementById('password').value })
  return 'The password is set. Sign in with it.'
})
`
