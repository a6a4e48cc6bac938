export const stepUpPurpose = 'step_up'
